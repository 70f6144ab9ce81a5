import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { cp, utimes, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { after, before, test } from "node:test";
import { packTo } from "../../../packages/builder/src/bundle/pack.ts";
import { dockerFacts } from "../../../packages/builder/src/docker/engine.ts";
import { imageConfig } from "../../../packages/builder/src/image/config.ts";
import { loadWhole } from "../../../packages/builder/src/image/engine/archive.ts";
import { UNIX_EPOCH } from "../../../packages/builder/src/image/source-time.ts";
import { eventually } from "../eventually.ts";
import { TestDocker } from "./docker.ts";

/** Images built and run by a Docker engine. */

const templates = join(import.meta.dirname, "../../../templates");
const hello = (text: string) => `export const handler = () => "${text}";\n`;

let docker: TestDocker;
before(async () => {
  docker = await TestDocker.create();
});
after(() => docker[Symbol.asyncDispose]());

test("a Node function runs as an unprivileged user on a read-only root, with the wrapper as process 1", async (t) => {
  const folder = await docker.source("node", {
    "index.mjs": `import { readFileSync, writeFileSync } from "node:fs";
export const handler = (event) => {
  writeFileSync("/tmp/written", "x");
  const root = () => writeFileSync("/app/written", "x");
  let denied; try { root(); } catch (error) { denied = error.code; }
  return { body: event.body, uid: process.getuid(), pid: process.pid, denied, command: readFileSync("/proc/1/cmdline", "utf8").split("\\0") };
};\n`,
    "secret.txt": "ignored",
    ".faasignore": "secret.txt",
  });
  const image = await docker.build(folder);
  assert.equal(image.runtime, "node");
  const running = await docker.run(t, image);
  const answer = JSON.parse((await running.call("/", { size: 3 })).text);
  assert.deepEqual(answer, {
    body: { size: 3 },
    uid: 65532,
    pid: 1,
    denied: "EROFS",
    command: ["node", ".interface.mjs", ""],
  });
  assert.doesNotMatch(await running.execute("ls", "-A", "/app"), /secret/);

  const { Config, Created } = await docker.docker.getImage(image.imageId).inspect();
  assert.deepEqual(Config.ExposedPorts, { "8080/tcp": {} });
  assert.deepEqual([Config.User, Config.WorkingDir], ["65532:65532", "/app"]);
  assert.equal(Config.Labels["faas.org"], docker.id);
  assert.equal(Config.Labels["faas.endpoint"], "function");
  assert.match(Config.Labels["faas.source-digest"] as string, /^sha256:[0-9a-f]{64}$/);
  assert.equal(Config.Labels["org.opencontainers.image.base.name"], "node:24-slim");
  assert.equal(Created, "1970-01-01T00:00:00Z");
});

test("no layer contains a secret of the folder, and the base image is named by digest", async () => {
  const canary = `canary-${randomUUID()}`;
  const folder = await docker.source("secrets", {
    "package.json": docker.manifest({ ms: "2.1.3" }),
    "index.mjs": hello("secrets"),
    ".npmrc": `audit=false\n; ${canary}\n`,
    ...Object.fromEntries(
      [".env", ".env.local", ".netrc", "pip.conf", ".yarnrc.yml", ".git-credentials", ".aws/credentials"].map(
        (name) => [name, canary],
      ),
    ),
  });
  const image = await docker.build(folder);
  const saved = (await docker.docker.getImage(image.imageId).get()) as Readable;
  // Layers are uncompressed tar files in the tar file, next to the configuration with its history.
  let tail = "";
  let seesCode = false;
  for await (const piece of saved) {
    const text = tail + (piece as Buffer).toString("latin1");
    assert.ok(!text.includes(canary), "the canary is in the image");
    seesCode ||= text.includes(hello("secrets"));
    tail = text.slice(-100);
  }
  assert.ok(seesCode, "the layers are readable");
  const { Config } = await docker.docker.getImage(image.imageId).inspect();
  const base = await docker.docker.getImage("node:24-slim").inspect();
  const digests = (base.RepoDigests ?? []).map((each) => each.slice(each.indexOf("@") + 1));
  const named = Config.Labels["org.opencontainers.image.base.digest"];
  // An engine that got the image as a file does not know its digest.
  if (named === undefined)
    assert.ok(!(base.RepoDigests ?? []).some((each) => /^(?:docker\.io\/library\/)?node@/.test(each)));
  else assert.ok(digests.includes(named));
});

test("a TypeScript function can use a dependency and a local package", async (t) => {
  await docker.source("lib", {
    "package.json": '{"name":"lib","version":"1.0.0"}',
    "index.js": 'exports.word = "lib";',
  });
  const folder = await docker.source("typescript", {
    "package.json": docker.manifest({ ms: "2.1.3", lib: "file:../lib" }),
    "index.ts": `import ms from "ms"; import lib from "lib"; import { word } from "./word.ts";
export const handler = (): object => ({ ms: ms("2h") as number, lib: lib.word, word });\n`,
    "word.ts": 'export const word: string = "own";\n',
  });
  const image = await docker.build(folder);
  assert.equal(image.runtime, "typescript");
  const { call, execute } = await docker.run(t, image);
  assert.deepEqual(JSON.parse((await call("/")).text), { ms: 7_200_000, lib: "lib", word: "own" });
  assert.match(await execute("ls", "/app"), /\bindex\.js\b[\s\S]*\bword\.js\b/);
});

test("the Python demo function runs with a compiled numpy", async (t) => {
  const image = await docker.build(join(templates, "python/demo-invert"));
  assert.equal(image.runtime, "python");
  const { call, execute } = await docker.run(t, image);
  const { size, checksum } = JSON.parse((await call("/", { size: 50 })).text);
  assert.equal(size, 50);
  assert.ok(Number.isFinite(checksum));
  const script = "import numpy, os; print(os.path.exists(numpy.__cached__), numpy.__file__)";
  const found = await execute("env", "PYTHONPATH=/app/.packages", "python3", "-c", script);
  assert.match(found, /^True \/app\/\.packages\/numpy\/__init__\.py/);
});

test("an image depends on the content only, not on times, folder or cache", async () => {
  const files = {
    "package.json": docker.manifest({ ms: "2.1.3" }),
    "index.mjs": hello("same"),
    "deep/er/file.txt": "x",
  };
  const one = await docker.build(await docker.source("same-1", files));
  await docker.forget(one);
  const folder = await docker.source("same-2", files);
  for (const name of Object.keys(files)) await utimes(join(folder, name), new Date(2001, 1), new Date(2001, 1));
  const two = await docker.build(folder);
  assert.equal(two.imageId, one.imageId);
  assert.equal(two.tagged, `${docker.id}/function:${one.imageId.slice(7, 19)}`);

  await writeFile(join(folder, "index.mjs"), hello("other"));
  const other = await docker.build(folder);
  assert.notEqual(other.imageId, one.imageId);
  assert.equal(other.environment, one.environment);
});

test("two concurrent builds of the same content result in one image", async () => {
  const files = { "package.json": docker.manifest({ ms: "2.1.2" }), "index.mjs": hello("at once") };
  const folder = await docker.source("at-once", files);
  const [one, two] = await Promise.all([docker.build(folder), docker.build(folder)]);
  assert.equal(one.imageId, two.imageId);
});

test("an image with Python dependencies depends on the content only", async () => {
  const folder = await docker.source("python-same", {
    "requirements.txt": "six==1.17.0\n",
    // A manifest of this test only, so that no other test shares its environment.
    "pyproject.toml": "",
    "main.py": "import six\ndef handler(event, context): return six.__version__\n",
  });
  const base = await docker.ownBase("python:3.11-slim");
  const one = await docker.build(folder, { baseImage: base });
  await docker.forget(one);
  assert.equal((await docker.build(folder, { baseImage: base })).imageId, one.imageId);
});

test("templates/<language>/Dockerfile builds an image with the same files", async (t) => {
  for (const [language, file] of [
    ["node", "index.mjs"],
    ["python", "main.py"],
  ] as const) {
    const ours = await docker.build(join(templates, language, "demo-invert"));
    const context = join(docker.folder, `by-hand-${language}`);
    await cp(join(templates, language, "demo-invert"), join(context, "app"), { recursive: true });
    await cp(join(templates, language, "Dockerfile"), join(context, "Dockerfile"));
    const wrapper = language === "node" ? "app/.interface.mjs" : ".interface.py";
    await cp(join(templates, language, wrapper.replace("app/", "")), join(context, wrapper));
    const manifest = language === "python" ? "requirements.txt" : file;
    await cp(join(context, "app", manifest), join(context, "manifests", manifest));
    const byHand = { imageId: await docker.buildByHand(context) };
    const list = async (image: { readonly imageId: string }) =>
      (await docker.run(t, image)).execute(
        "sh",
        "-c",
        "cd /app && find . -type f | sort | xargs sha256sum | sha256sum",
      );
    assert.equal(await list(byHand), await list(ours), language);
  }
});

test("a function runs on the given base image", async (t) => {
  const folder = await docker.source("base", { "index.mjs": "export const handler = () => process.versions.node;\n" });
  const { call } = await docker.run(t, await docker.build(folder, { baseImage: "node:22-slim" }));
  assert.match((await call("/")).text, /^22\./);
});

test("a Dockerfile in the folder is used instead, without a wrapper and without ignored files", async (t) => {
  const folder = await docker.source("dockerfile", {
    Dockerfile: 'FROM node:24-slim\nWORKDIR /srv\nCOPY . .\nENV PORT=8080\nUSER 1000\nCMD ["node", "server.mjs"]\n',
    "server.mjs": `import { createServer } from "node:http"; import { readdirSync } from "node:fs";
createServer((request, response) => response.end(JSON.stringify(readdirSync(".").sort()))).listen(process.env.PORT);\n`,
    "package.json": "{}",
    ".faasignore": "one.txt",
    ".dockerignore": "two.txt\n!keep.txt\n",
    ...{ "one.txt": "1", "two.txt": "2", "deep/two.txt": "3", "keep.txt": "4" },
  });
  const image = await docker.build(folder);
  assert.equal(image.runtime, "dockerfile");
  const { call } = await docker.run(t, image, "/");
  const expected = [".dockerignore", ".faasignore", "Dockerfile", "deep", "keep.txt", "package.json", "server.mjs"];
  assert.deepEqual(JSON.parse((await call("/")).text), expected);
  const again = await docker.build(folder);
  assert.equal(again.imageId, image.imageId);
  // A given language takes precedence.
  await writeFile(join(folder, "index.mjs"), hello("node"));
  assert.equal((await docker.build(folder, { runtime: "node" })).runtime, "node");
});

test("the error of a failed step has its line in the Dockerfile, its exit code and its last 30 lines", async () => {
  const folder = await docker.source("fails", {
    // Labeled, because the layers of a failed build stay cached. Uses one stream, because the engine mixes the order of two.
    Dockerfile: `# one\nFROM node:24-slim\nLABEL faas.test=${docker.id}\nRUN true\nRUN seq 1 100 >&2 && \\\n    echo broken >&2 && exit 7\n`,
    "x.txt": "",
  });
  await assert.rejects(docker.build(folder), (error: FaasErrorLike) => {
    assert.equal(error.code, "BUILD_FAILED");
    assert.match(error.message, /^Dockerfile:5: "RUN seq 1 100 >&2 && +echo broken.*" ended with exit code 7: broken$/);
    const lines = error.extensions.lastLogLines;
    assert.equal(lines.length, 30);
    assert.deepEqual([lines[0], lines.at(-1)], ["72", "broken"]);
    return true;
  });
});

test("the error of an invalid Dockerfile, or a missing base image, has the line", async () => {
  const build = async (name: string, text: string) => docker.build(await docker.source(name, { Dockerfile: text }));
  await assert.rejects(build("unknown", "FROM node:24-slim\nRUNN x\n"), {
    code: "BUILD_FAILED",
    message: /Dockerfile:2.*unknown instruction: RUNN/i,
  });
  await assert.rejects(build("no-base", "FROM localhost:1/none:1\n"), {
    code: "BUILD_FAILED",
    message: /^Dockerfile:1: "FROM localhost:1\/none:1"/,
  });
});

test("the error of a failed installation quotes npm or pip, and no image is left behind", async () => {
  const before = await docker.danglingImages();
  const node = await docker.source("no-such-version", {
    "package.json": docker.manifest({ ms: "999.0.0" }),
    "index.mjs": hello("never"),
  });
  await assert.rejects(docker.build(node), (error: FaasErrorLike) => {
    assert.equal(error.code, "INSTALL_FAILED");
    assert.match(
      error.message,
      /Dockerfile:\d+: "RUN .*ended with exit code 1: .*No matching version found for ms@999\.0\.0/,
    );
    assert.ok(error.extensions.lastLogLines.some((line) => line.includes("ETARGET")));
    return true;
  });
  const python = await docker.source("no-such-package", {
    "requirements.txt": "six==999.0\n",
    "main.py": "handler = 1\n",
  });
  await assert.rejects(docker.build(python), {
    code: "INSTALL_FAILED",
    message: /No matching distribution found for six==999\.0/,
  });
  const left = await docker.danglingImages();
  assert.deepEqual(
    left.filter((id) => !before.includes(id)),
    [],
  );
});

test("the error of a missing base image says how to choose another", async () => {
  const folder = await docker.source("nowhere", { "index.mjs": hello("never") });
  await assert.rejects(docker.build(folder, { baseImage: "localhost:1/none:1" }), {
    code: "BUILD_FAILED",
    message: /The base image localhost:1\/none:1 is not in the Docker engine and cannot be pulled: .*--base-image/,
  });
});

test("dockerFacts returns the version and address of the engine", async () => {
  const { host, version } = await dockerFacts();
  assert.match(`${version} at ${host}`, /^\d+\.\d+.* at \w+:\/\//);
});

test("loadWhole sends all layers to an engine that does not find them by name, and results in the same image", async () => {
  const folder = await docker.source("small", { Dockerfile: "FROM scratch\nCOPY one.txt /\n", "one.txt": "1" });
  const base = await docker.docker.getImage(await docker.buildByHand(folder)).inspect();
  const file = join(docker.folder, "layer.tar");
  const diffId = await packTo(file, [{ name: "two.txt", text: "2" }], undefined);
  const layers = [{ file, diffId, entries: 1 }];
  const recipe = { base, layers, config: base.Config, labels: docker.labels, created: UNIX_EPOCH };
  const config = imageConfig(recipe);
  await loadWhole(docker.docker, recipe, config, `${docker.id}/whole:1`);
  const { Id, RootFS } = await docker.docker.getImage(`${docker.id}/whole:1`).inspect();
  assert.deepEqual([Id, RootFS.Layers], [config.id, [...(base.RootFS.Layers ?? []), diffId]]);
});

test("an engine that disconnects during a build, or rejects it, causes an error", async (t) => {
  const behaviour = { onBuild: (_: IncomingMessage, response: ServerResponse) => void response.destroy() };
  const engine = createServer((request, response) => {
    if (request.url?.includes("/build?")) return behaviour.onBuild(request, response);
    response.setHeader("Content-Type", "application/json").end("{}");
  }).listen(0, "127.0.0.1");
  await once(engine, "listening");
  t.after(() => engine.close());
  const env = { DOCKER_HOST: `tcp://127.0.0.1:${(engine.address() as AddressInfo).port}` };
  const folder = await docker.source("gone", { Dockerfile: "FROM node:24-slim\n" });
  await assert.rejects(docker.build(folder, { env }), {
    code: "DOCKER_UNREACHABLE",
    message: /connection to the Docker engine was lost/,
  });
  behaviour.onBuild = (_, response) => void response.writeHead(500).end('{"message":"no space left on device"}');
  await assert.rejects(docker.build(folder, { env }), { code: "BUILD_FAILED", message: /no space left on device/ });
});

test("an abort stops the build in the engine", async () => {
  const folder = await docker.source("aborted", {
    Dockerfile: `FROM node:24-slim\nRUN echo ${docker.id} started && sleep 600\n`,
    "x.txt": "",
  });
  const aborting = new AbortController();
  const building = docker.build(folder, {
    signal: aborting.signal,
    onLine: (line) => {
      if (line.endsWith("started") && !line.startsWith("Step")) aborting.abort(new Error("enough"));
    },
  });
  await assert.rejects(building, /enough/);
  const runs = async () =>
    (await docker.docker.listContainers()).some(({ Command }) => Command.includes(`${docker.id} started`));
  await eventually("the container of the step is gone", async () => !(await runs()));
});

interface FaasErrorLike extends Error {
  readonly code: string;
  readonly extensions: { readonly lastLogLines: readonly string[] };
}
