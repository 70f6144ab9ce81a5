import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { KubernetesApi, KubernetesCredentials, type KubernetesObject } from "@faas/platforms/kubernetes-client";
import { connectDocker } from "../../../packages/builder/src/docker/engine.ts";
import type { Test } from "../../../packages/cli/src/testing/test-cli.ts";
import { testServer } from "../../../packages/cli/src/testing/test-server.ts";
import { registry, uniqueName } from "../cluster.ts";

/** `faas deploy`, `faas build` and `faas org registry-login` against a server that runs images. */

interface Secret extends KubernetesObject {
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
}

const answers = (text: string) => `export const handler = () => "${text}";\n`;
const org = uniqueName("images");
/** Environment of the commands, which run in this process. */
const env = Object.fromEntries(
  ["DOCKER_HOST", "DOCKER_CONFIG", "HOME"].flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
) as Record<string, string>;

const server = await testServer({ kubernetes: { registry } });

describe("a server that runs images", () => {
  after(async () => {
    await server.run({ after: () => {} }, ["remove", "--all", org, "--yes"]).catch(() => {});
    const docker = await connectDocker();
    for (const { Id } of await docker.listImages({ filters: { label: [`faas.org=${org}`] } }))
      await docker.getImage(Id).remove({ force: true });
  });

  const deploy = (t: Test, folder: string, endpoint: string, ...more: string[]) =>
    server.run(t, ["deploy", folder, "--org", org, "--endpoint", endpoint, ...more], { env });
  const call = async (endpoint: string) => (await fetch(`${server.url}/${org}/${endpoint}`)).text();
  const stages = (stderr: string) => Array.from(stderr.matchAll(/^(\w+) +\d+\.\d s/gm), ([, stage]) => stage);

  test("deploy builds, pushes and registers an image by digest, and a second deploy changes nothing", async (t) => {
    const folder = await server.source("plain", answers("one"));
    const first = await deploy(t, folder, "plain");
    assert.equal(first.code, 0, first.stderr);
    assert.equal(first.stdout, `${server.url}/${org}/plain\n`);
    assert.deepEqual(
      stages(first.stderr).filter((stage) => stage !== "install"),
      ["prepare", "build", "push", "register", "ready"],
    );
    assert.equal(await call("plain"), "one");
    const described = JSON.parse((await server.run(t, ["describe", `${org}/plain`, "-o", "json"])).stdout);
    assert.match(described.image, new RegExp(`^${registry.pull}/${org}/plain@sha256:[0-9a-f]{64}$`));

    const again = await deploy(t, folder, "plain");
    assert.match(again.stderr, /^push .*already in the registry$/m);
    assert.match(again.stderr, /^Unchanged: revision [0-9a-f]{12}/m);

    // No other repository of the registry has this layer.
    await writeFile(join(folder, "index.mjs"), answers(`two of ${org}`));
    const changed = await deploy(t, folder, "plain");
    assert.match(changed.stderr, /^push .*\d+ of \d+ layers, [\d.]+ KiB of/m);
    assert.equal(await call("plain"), `two of ${org}`);
  });

  test("build --push prints a reference for deploy --image, and build alone leaves the image in the engine", async (t) => {
    const folder = await server.source("ready-made", answers("ready-made"));
    const ref = ["--org", org, "--endpoint", "ready-made"];
    const built = await server.run(t, ["build", folder, ...ref, "--push"], { env });
    assert.equal(built.code, 0, built.stderr);
    assert.match(built.stdout, new RegExp(`^${registry.pull}/${org}/ready-made@sha256:[0-9a-f]{64}\n$`));
    const deployed = await server.run(t, ["deploy", "--image", built.stdout.trim(), ...ref], { env });
    assert.equal(deployed.code, 0, deployed.stderr);
    assert.deepEqual(stages(deployed.stderr), ["register", "ready"]);
    assert.equal(await call("ready-made"), "ready-made");
    const local = await server.run(t, ["build", folder, ...ref, "--tag", "mine", "-o", "json"], { env });
    const { reference, imageId, pushed } = JSON.parse(local.stdout);
    assert.deepEqual([reference, pushed], [`${org}/ready-made:mine`, false]);
    assert.match(imageId, /^sha256:/);
  });

  test("deploy with a Dockerfile runs any server on $PORT", async (t) => {
    const folder = await server.source("own", "");
    await writeFile(
      join(folder, "Dockerfile"),
      'FROM node:24-slim\nCOPY server.mjs /\nUSER 1000\nCMD ["node", "/server.mjs"]\n',
    );
    await writeFile(
      join(folder, "server.mjs"),
      'import { createServer } from "node:http";\ncreateServer((_, r) => r.end("own server")).listen(process.env.PORT);\n',
    );
    const { code, stderr } = await deploy(t, folder, "own");
    assert.equal(code, 0, stderr);
    assert.equal(await call("own"), "own server");
    const described = JSON.parse((await server.run(t, ["describe", `${org}/own`, "-o", "json"])).stdout);
    assert.equal(described.settings.runtime, "dockerfile");
  });

  test("a failed build shows the last lines of the step and the revision that keeps serving", async (t) => {
    const folder = await server.source("broken", answers("works"));
    assert.equal((await deploy(t, folder, "broken")).code, 0);
    await writeFile(join(folder, "Dockerfile"), "FROM node:24-slim\nRUN echo last words && exit 3\n");
    const { code, stderr } = await deploy(t, folder, "broken");
    assert.equal(code, 1);
    assert.match(stderr, /error: Dockerfile:2: "RUN echo last words && exit 3" ended with exit code 3: last words/);
    assert.match(stderr, /still serves .* \(BUILD_FAILED\)/);
    assert.match(stderr, /^ {2}last words$/m);
  });

  test("deploy of a Dockerfile without Docker changes nothing, and suggests the embedded platform", async (t) => {
    const folder = await server.source("no-docker", answers("never"));
    await writeFile(join(folder, "Dockerfile"), "FROM node:24-slim\n");
    const argv = ["deploy", folder, "--org", org, "--endpoint", "no-docker"];
    const { code, stderr } = await server.run(t, argv, { env: { DOCKER_HOST: "unix:///nowhere.sock" } });
    assert.equal(code, 1);
    assert.match(stderr, /no Docker engine responds .*embedded platform .*\(DOCKER_UNREACHABLE\)/s);
  });

  test("org registry-login creates the organization's pull secret", async (t) => {
    const argv = ["org", "registry-login", org, "--username", "bot", "--password-stdin"];
    const { code, stderr } = await server.run(t, argv, { input: "s3cret\n" });
    assert.equal(code, 0, stderr);
    assert.ok(stderr.includes(`The nodes now pull images of ${org} from ${registry.pull} as bot.`), stderr);
    const credentials = KubernetesCredentials.load();
    t.after(() => credentials.close());
    const secrets = await new KubernetesApi(credentials).list<Secret>("Secret", `faas-${org}`, "");
    const { data } = secrets.find(({ type }) => type === "kubernetes.io/dockerconfigjson") ?? {};
    const { auths } = JSON.parse(Buffer.from(data?.[".dockerconfigjson"] ?? "", "base64").toString());
    const [host = ""] = registry.pull.split("/");
    assert.deepEqual([auths[host].username, auths[host].password], ["bot", "s3cret"]);
  });
});

const nameless = await testServer({ kubernetes: {} });

test("deploy asks for --registry if the server has none", async (t) => {
  const folder = await nameless.source("nowhere", answers("x"));
  const argv = ["deploy", folder, "--org", org, "--endpoint", "nowhere"];
  const { code, stderr } = await nameless.run(t, argv, { env });
  assert.equal(code, 2);
  assert.match(stderr, /The server has no registry for images\. Pass --registry/);
  assert.match(stderr, /hint: an administrator can set one for everyone/);
});
