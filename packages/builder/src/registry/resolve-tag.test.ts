import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type TestContext, test } from "node:test";
import { tempDir } from "@faas/testing";
import { requireLogin, startFakeRegistry } from "../testing/fake-registry.ts";
import { resolveTag } from "./resolve-tag.ts";

const digest = `sha256:${"a".repeat(64)}`;
const env = { DOCKER_CONFIG: tempDir("docker") };

async function registryOf(t: TestContext, answer: (request: IncomingMessage, response: ServerResponse) => boolean) {
  const { address, requests } = await startFakeRegistry(t, { answer });
  return { image: { registry: address, repository: "acme/hello", tag: "main" }, requests };
}

test("a tag is resolved with HEAD, and the next request is conditional", async (t) => {
  const { image, requests } = await registryOf(t, (request, response) => {
    const etag = `"${digest}"`;
    if (request.headers["if-none-match"] === etag) response.writeHead(304).end();
    else response.writeHead(200, { ETag: etag, "Docker-Content-Digest": digest }).end();
    return true;
  });
  const first = await resolveTag(image, { env });
  assert.deepEqual(first, { digest, etag: `"${digest}"` });
  assert.equal(await resolveTag(image, { env, known: first }), first);
  assert.deepEqual(new Set(requests), new Set(["HEAD /v2/acme/hello/manifests/main"]));
});

test("without a digest in the header, that of the manifest is computed", async (t) => {
  const manifest = '{"schemaVersion":2}';
  const { image } = await registryOf(t, (request, response) => {
    response.writeHead(200).end(request.method === "GET" ? manifest : undefined);
    return true;
  });
  const { digest: computed } = await resolveTag(image, { env });
  assert.equal(computed, `sha256:${createHash("sha256").update(manifest).digest("hex")}`);
});

test("errors tell a missing image from a missing login and from an unavailable registry", async (t) => {
  const { image } = await registryOf(t, () => false);
  await assert.rejects(resolveTag(image, { env }), { code: "IMAGE_NOT_FOUND" });
  const { image: locked } = await registryOf(t, requireLogin("ci", "secret"));
  await assert.rejects(resolveTag(locked, { env }), { code: "REGISTRY_DENIED" });
  const { image: broken } = await registryOf(t, (_, response) => {
    response.writeHead(500).end();
    return true;
  });
  await assert.rejects(resolveTag(broken, { env }), { code: "REGISTRY_UNREACHABLE" });
  await assert.rejects(resolveTag({ ...image, registry: "127.0.0.1:1" }, { env }), { code: "REGISTRY_UNREACHABLE" });
});
