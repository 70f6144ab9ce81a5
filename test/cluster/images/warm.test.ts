import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { CodeBundle, ImageOptions } from "@faas/builder";
import { FaasError } from "@faas/core";
import { extract } from "tar-stream";
import { startFakeRegistry } from "../../../packages/builder/src/testing/fake-registry.ts";
import { registry } from "../cluster.ts";
import { TestDocker } from "./docker.ts";

/** Images for warm pods, and the code that is uploaded for them. */

const [host = ""] = registry.push.split("/");

let docker: TestDocker;
before(async () => {
  docker = await TestDocker.create();
});
after(() => docker[Symbol.asyncDispose]());

/** Proxy for all tests: the engine pushes layers again to an address that is new to it. */
const proxy = await startFakeRegistry({ after: (close) => after(close as () => Promise<void>) }, { behind: host });

/** Builds and pushes a folder through the proxy of the registry, and keeps the code that is uploaded. */
async function push(name: string, files: Readonly<Record<string, string>>, options: Partial<ImageOptions> = {}) {
  const { address, requests } = proxy;
  requests.length = 0;
  const uploaded: CodeBundle[] = [];
  const folder = await docker.source(name, files);
  const image = await docker.build(folder, {
    endpoint: name,
    registry: { push: address, pull: registry.pull },
    push: true,
    uploadCode: async (code) => void uploaded.push(code),
    ...options,
  });
  return { image, folder, requests: [...requests], uploaded };
}

/** Lists the files of an image below a folder. */
async function filesOf(image: string, folder: string): Promise<string[]> {
  const [repository = "", digest = ""] = image.split("@");
  const tagged = (await docker.docker.listImages()).find(({ RepoDigests }) =>
    RepoDigests?.some((each) => each.endsWith(`${repository.slice(repository.indexOf("/"))}@${digest}`)),
  );
  assert.ok(tagged, `the engine has no ${image}`);
  const container = await docker.docker.createContainer({ Image: tagged.Id, Labels: docker.labels });
  try {
    return await namesOf((await container.getArchive({ path: folder })) as NodeJS.ReadableStream);
  } finally {
    await container.remove({ force: true });
  }
}

async function namesOf(tar: NodeJS.ReadableStream | Buffer): Promise<string[]> {
  const source = extract();
  if (Buffer.isBuffer(tar)) source.end(tar);
  else tar.pipe(source);
  const names: string[] = [];
  for await (const entry of source) {
    if (entry.header.type === "file") names.push(entry.header.name.replace(/^app\//, ""));
    entry.resume();
  }
  return names.sort();
}

const hello = (text: string) => `export const handler = () => "${text}";\n`;

for (const [language, wrapper, files, manifest] of [
  ["node", ".interface.mjs", { "index.mjs": hello("one"), "lib/a.mjs": "" }, {}],
  ["node", ".interface.mjs", { "index.mjs": hello("two") }, { "package.json": { ms: "2.1.3" } }],
  ["python", ".interface.py", { "main.py": "def handler(event, context):\n    return 'one'\n" }, {}],
] as const) {
  const hasDependencies = Object.keys(manifest).length > 0;
  test(`the image for warm pods of a ${language} function ${hasDependencies ? "with" : "without"} dependencies has all but the code, which is uploaded`, async () => {
    const manifests = Object.fromEntries(
      Object.entries(manifest).map(([name, dependencies]) => [name, docker.manifest(dependencies)]),
    );
    const name = `${language}-${hasDependencies ? "with" : "without"}`;
    const { image, uploaded } = await push(name, { ...files, ...manifests });
    const { warm } = image;
    assert.ok(warm, image.warnings.join());
    assert.match(warm.image, new RegExp(`^${registry.pull}/${docker.id}/warm_${language}@sha256:[0-9a-f]{64}$`));
    assert.equal(warm.hasDependencies ?? false, hasDependencies);
    const [code] = uploaded;
    assert.equal(code?.digest, warm.code);

    const added = await namesOf(code?.tar ?? Buffer.alloc(0));
    assert.deepEqual(added, [wrapper, ...Object.keys(files), ...Object.keys(manifest)].sort());
    const below = await filesOf(warm.image, "/app");
    assert.deepEqual(await filesOf(warm.image, "/warm"), [`warm/${wrapper}`]);
    assert.deepEqual(
      below.filter((each) => added.includes(each)),
      [],
    );
    assert.equal(below.includes("node_modules/ms/index.js"), hasDependencies);
    // Together they are what the function's own image has.
    assert.deepEqual(await filesOf(image.reference, "/app"), [...below, ...added].sort());
  });
}

test("functions with the same dependencies share an image for warm pods, which is pushed once", async () => {
  const first = await push("shared-one", { "index.mjs": hello("shared one") });
  const second = await push("shared-two", { "index.mjs": hello("shared two") });
  assert.equal(second.image.warm?.image, first.image.warm?.image);
  assert.notEqual(second.image.warm?.code, first.image.warm?.code);
  const ofWarm = (requests: readonly string[]) => requests.filter((each) => each.includes("/warm_node/"));
  assert.deepEqual(
    ofWarm(second.requests).map((each) => each.split(" ")[0]),
    ["GET"],
  );
});

test("a changed line changes the code for warm pods and not their image", async () => {
  const { image, folder } = await push("changed", { "index.mjs": hello("before") });
  await writeFile(join(folder, "index.mjs"), hello("after"));
  const changed = await push("changed", { "index.mjs": hello("after") });
  assert.equal(changed.image.warm?.image, image.warm?.image);
  assert.notEqual(changed.image.warm?.code, image.warm?.code);
});

test("the code is uploaded while the image is pushed", async () => {
  let isPushed = false;
  const uploading = Promise.withResolvers<void>();
  const { image } = await push(
    "beside",
    { "index.mjs": hello(`beside ${docker.id}`) },
    {
      onProgress: () => {
        isPushed = true;
        uploading.resolve();
      },
      uploadCode: () => uploading.promise,
    },
  );
  assert.equal(isPushed, true);
  assert.ok(image.warm);
});

test("a failed upload leaves an image without a warm part, and a warning with the reason", async () => {
  const { image } = await push(
    "rejected",
    { "index.mjs": hello("rejected") },
    {
      uploadCode: async () => {
        throw new FaasError("LIMIT_EXCEEDED", "no space for the code");
      },
    },
  );
  assert.match(image.reference, /\/rejected@sha256:/);
  assert.equal(image.warm, undefined);
  assert.deepEqual(image.warnings, ["cold starts use no warm pods: no space for the code"]);
});

const serverCode = "require('node:http').createServer().listen(process.env.PORT);\n";
for (const [what, files, options] of [
  ["a server of its own", { "server.js": serverCode }, { app: "server", command: "node server.js" }],
  ["a Dockerfile", { Dockerfile: "FROM node:24-slim\nLABEL a=b\n" }, {}],
  ["a function without an upload of its code", { "index.mjs": hello("no") }, { uploadCode: undefined }],
] as const)
  test(`${what} has no warm part`, async () => {
    const name = what.replaceAll(" ", "-").toLowerCase();
    const { image, requests, uploaded } = await push(name, files, options as Partial<ImageOptions>);
    assert.deepEqual([image.warm, uploaded.length], [undefined, 0]);
    assert.equal(
      requests.some((each) => each.includes("/warm_")),
      false,
    );
  });
