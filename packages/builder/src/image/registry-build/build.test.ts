import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { tempDir } from "@faas/testing";
import { addBaseImage, addBaseIndex } from "../../testing/base-images.ts";
import { dockerConfig } from "../../testing/docker-config.ts";
import { respondWithError } from "../../testing/fake-registry.ts";
import { digestOf, type MemoryRegistry, startMemoryRegistry } from "../../testing/memory-registry.ts";
import { sourceFolder } from "../../testing/source-folder.ts";
import { tokenLogin } from "../../testing/token-login.ts";
import { buildImage } from "../build-image.ts";
import type { ImageOptions } from "../image-options.ts";

const code = { "index.mjs": 'export const handler = () => "hi";\n' };

/** Builds a function's image without an engine. The base image is `node:24-slim` of `library` in the first registry. */
async function build(base: MemoryRegistry, target: MemoryRegistry, options: Partial<ImageOptions> = {}) {
  const env = { FAAS_CACHE_DIR: tempDir("cache"), HOME: tempDir("home"), ...options.env };
  return buildImage(await sourceFolder(code), {
    ...{ org: "acme", endpoint: "x", push: true, builder: "registry", baseRegistry: `${base.address}/library` },
    ...{ registry: { push: target.address, pull: "pull.example" }, ...options, env },
  });
}

const manifestOf = ({ manifests }: MemoryRegistry, reference: string) =>
  JSON.parse(manifests.get(reference.replace(/^pull\.example\//, ""))?.bytes.toString() ?? "");

const uploads = ({ requests }: MemoryRegistry) => requests.filter((each) => each.startsWith("PUT /v2/acme/x/blobs"));

test("an image has the layers of its base and one with the code, which is all that is sent", async (t) => {
  const registry = await startMemoryRegistry(t);
  const base = addBaseImage(registry, "library/node:24-slim");
  const image = await build(registry, registry);
  const { config, layers } = manifestOf(registry, image.reference);
  assert.equal(config.digest, image.imageId);
  assert.equal(layers.length, 2);
  assert.deepEqual(layers[0].digest, base.layer);
  assert.deepEqual(
    new Set(layers.map((layer: { mediaType: string }) => layer.mediaType)),
    new Set(["application/vnd.oci.image.layer.v1.tar+gzip"]),
  );
  // The layer and the configuration; the base is mounted.
  assert.equal(uploads(registry).length, 2);
  assert.ok(registry.blobs.has(`acme/x@${base.layer}`));
  const again = await build(registry, registry);
  assert.deepEqual([again.reference, again.pushed], [image.reference, false]);
});

test("layers of a base in another registry are copied once", async (t) => {
  const [source, target] = [await startMemoryRegistry(t), await startMemoryRegistry(t)];
  const base = addBaseImage(source, "library/node:24-slim", { layer: "x".repeat(3_000_000) });
  await build(source, target);
  assert.equal(target.blobs.get(`acme/x@${base.layer}`)?.length, 3_000_000);
  const cache = { FAAS_CACHE_DIR: tempDir("cache") };
  await build(source, target, { endpoint: "y", env: cache });
  const before = target.receivedBytes();
  await build(source, target, { endpoint: "z", env: cache });
  assert.ok(target.receivedBytes() - before < 100_000, "the layer was sent, and not mounted from acme/y");
});

test("an image for two platforms has an index with both", async (t) => {
  const registry = await startMemoryRegistry(t);
  addBaseIndex(registry, "library/node:24-slim");
  const platforms = ["linux/arm64", "linux/amd64"];
  const image = await build(registry, registry, { platforms });
  const { mediaType, manifests } = manifestOf(registry, image.reference);
  assert.equal(mediaType, "application/vnd.oci.image.index.v1+json");
  assert.deepEqual(
    manifests.map(({ platform }: { platform: object }) => platform),
    [
      { architecture: "amd64", os: "linux" },
      { architecture: "arm64", os: "linux" },
    ],
  );
  for (const { digest } of manifests) assert.equal(manifestOf(registry, `acme/x@${digest}`).layers.length, 2);
  const again = await build(registry, registry, { platforms: [...platforms].reverse() });
  assert.deepEqual([again.imageId, again.reference, again.pushed], [image.imageId, image.reference, false]);
});

test("a base without an image for a platform names those that it has", async (t) => {
  const registry = await startMemoryRegistry(t);
  addBaseImage(registry, "library/node:24-slim");
  const failed = build(registry, registry, { platforms: ["linux/arm64"] });
  await assert.rejects(failed, { code: "BUILD_FAILED", message: /no image for linux\/arm64, only for linux\/amd64/ });
});

test("a base with a layer that registries may not distribute is rejected", async (t) => {
  const registry = await startMemoryRegistry(t);
  const layerType = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
  addBaseImage(registry, "library/node:24-slim", { layerType });
  await assert.rejects(build(registry, registry), { code: "BUILD_FAILED", message: /may not distribute/ });
});

test("a missing base says where it was looked for", async (t) => {
  const registry = await startMemoryRegistry(t);
  await assert.rejects(build(registry, registry), {
    code: "BUILD_FAILED",
    message: new RegExp(`no image ${registry.address}/library/node:24-slim.* --base-image`),
  });
});

async function login(registry: string): Promise<Record<string, string>> {
  return dockerConfig({ auths: { [registry]: { auth: Buffer.from("ann:secret").toString("base64") } } });
}

/** A registry with token authentication. */
async function startTokenRegistry(t: TestContext, mayUse?: (scope: string) => boolean) {
  const tokens = tokenLogin("ann", "secret", mayUse);
  let onRequest = () => {};
  const registry = await startMemoryRegistry(t, {
    fault(request, response) {
      onRequest();
      return tokens.answer(request, response);
    },
  });
  return {
    registry,
    tokens,
    watch: (listener: () => void) => {
      onRequest = listener;
    },
  };
}

test("a mount uses a token for both repositories", async (t) => {
  const { registry, tokens } = await startTokenRegistry(t);
  const base = addBaseImage(registry, "library/node:24-slim");
  await build(registry, registry, { env: await login(registry.address) });
  assert.ok(registry.blobs.has(`acme/x@${base.layer}`));
  assert.equal(uploads(registry).length, 2);
  assert.ok(
    tokens.issued.some((scopes) =>
      ["repository:acme/x:push", "repository:library/node:pull"].every((scope) => scopes.includes(scope)),
    ),
  );
});

test("expired tokens are renewed", async (t) => {
  const { registry, tokens, watch } = await startTokenRegistry(t);
  addBaseImage(registry, "library/node:24-slim");
  let requests = 0;
  watch(() => {
    if (++requests % 7 === 0) tokens.expire();
  });
  const image = await build(registry, registry, { env: await login(registry.address) });
  assert.equal(manifestOf(registry, image.reference).config.digest, image.imageId);
});

test("a layer of a base that may only be read is copied", async (t) => {
  // Some registries refuse a mount from a repository of which the login may read the content.
  const registry = await startMemoryRegistry(t, {
    fault(request, response) {
      if (!request.url?.includes("from=")) return false;
      respondWithError(response, 403, "DENIED", "denied");
      return true;
    },
  });
  const base = addBaseImage(registry, "library/node:24-slim");
  await build(registry, registry);
  assert.ok(registry.blobs.has(`acme/x@${base.layer}`));
});

test("a login that may not push is denied, and nothing is stored", async (t) => {
  const { registry } = await startTokenRegistry(t, (scope) => !scope.endsWith(":push"));
  addBaseImage(registry, "library/node:24-slim");
  await assert.rejects(build(registry, registry, { env: await login(registry.address) }), {
    code: "REGISTRY_DENIED",
    message: /rejected the login as "ann", or the login may not push acme\/x/,
  });
  assert.equal(registry.manifests.has("acme/x"), false);
});

test("a manifest is stored after its layers, so that a failed push leaves no image", async (t) => {
  const registry = await startMemoryRegistry(t, {
    fault(request, response) {
      if (request.method !== "PUT" || !request.url?.includes("/acme/x/blobs/")) return false;
      request.resume();
      respondWithError(response, 507, "X", "no space left");
      return true;
    },
  });
  addBaseImage(registry, "library/node:24-slim");
  await assert.rejects(build(registry, registry), { code: "PUSH_FAILED", message: /no space left/ });
  assert.deepEqual(
    [...registry.manifests.keys()].filter((key) => key.startsWith("acme/")),
    [],
  );
});

test("storage behind a redirect does not see the login", async (t) => {
  let seen: string | undefined = "none";
  const storage = await startMemoryRegistry(t, {
    fault(request, response) {
      seen = request.headers.authorization;
      const digest = request.url?.split("/").at(-1);
      const found = [...registry.blobs.values()].find((bytes) => digestOf(bytes) === digest);
      response.end(found);
      return true;
    },
  });
  const tokens = tokenLogin("ann", "secret");
  const registry = await startMemoryRegistry(t, {
    fault(request, response) {
      if (tokens.answer(request, response)) return true;
      if (request.method !== "GET" || !request.url?.includes("/library/node/blobs/")) return false;
      response.writeHead(307, { Location: `http://${storage.address}/${request.url.split("/").at(-1)}` }).end();
      return true;
    },
  });
  addBaseImage(registry, "library/node:24-slim");
  await build(registry, registry, { env: await login(registry.address) });
  assert.equal(seen, undefined);
});
