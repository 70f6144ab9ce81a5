import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { type TestContext, test } from "node:test";
import { respondWithError } from "../../testing/fake-registry.ts";
import { digestOf, type MemoryRegistryOptions, startMemoryRegistry } from "../../testing/memory-registry.ts";
import { RegistrySession } from "./session.ts";
import { type BlobSource, type UploadOptions, uploadBlob } from "./upload.ts";

const CHUNK = 64 * 1024;
const content = Buffer.alloc(5 * CHUNK + 1, "layer");
const digest = digestOf(content);

/** The content as a blob that counts how much of it is read. */
function countedBlob() {
  const read = { bytes: 0 };
  const source: BlobSource = {
    ...{ digest, sizeBytes: content.length },
    async open(start, end) {
      read.bytes += end - start;
      return Readable.from([content.subarray(start, end)]);
    },
  };
  return { read, source };
}

async function upload(t: TestContext, registryOptions: MemoryRegistryOptions, options: UploadOptions = {}) {
  const registry = await startMemoryRegistry(t, registryOptions);
  const session = new RegistrySession({ host: registry.address, credentials: undefined, env: {} });
  t.after(() => session[Symbol.dispose]());
  const { read, source } = countedBlob();
  const settings = { chunkBytes: CHUNK, retryDelaysMs: [0, 0, 0], ...options };
  const done = uploadBlob(session, "acme/x", source, settings);
  return { registry, read, done };
}

/** Breaks the connection in the middle of the nth piece. */
function breakPiece(nth: number): NonNullable<MemoryRegistryOptions["fault"]> {
  let pieces = 0;
  return (request: IncomingMessage) => {
    if (request.method !== "PATCH" || ++pieces !== nth) return false;
    request.once("data", () => request.socket.destroy());
    return false;
  };
}

test("a large blob is sent in pieces, a small one in a single request", async (t) => {
  const pieces = await upload(t, {});
  await pieces.done;
  assert.deepEqual(pieces.registry.blobs.get(`acme/x@${digest}`), content);
  assert.equal(pieces.registry.requests.filter((each) => each.startsWith("PATCH")).length, 5);
  const whole = await upload(t, {}, { chunkBytes: content.length });
  await whole.done;
  assert.equal(whole.registry.requests.length, 2);
});

test("after a broken connection, an upload continues where the registry stopped receiving", async (t) => {
  const { registry, read, done } = await upload(t, { keepsBrokenPieces: true, fault: breakPiece(4) });
  await done;
  assert.deepEqual(registry.blobs.get(`acme/x@${digest}`), content);
  assert.ok(read.bytes <= content.length + CHUNK, `${read.bytes} bytes were read`);
  assert.equal(registry.requests.filter((each) => each.startsWith("POST")).length, 1);
});

test("a registry that loses an upload gets the blob from its beginning", async (t) => {
  const { registry, done } = await upload(t, { fault: breakPiece(3) });
  await done;
  assert.deepEqual(registry.blobs.get(`acme/x@${digest}`), content);
  assert.equal(registry.requests.filter((each) => each.startsWith("POST")).length, 2);
});

test("a connection that always breaks ends the upload with an error", async (t) => {
  const fault = (request: IncomingMessage) => {
    if (request.method === "PATCH") request.once("data", () => request.socket.destroy());
    return false;
  };
  const { registry, done } = await upload(t, { fault });
  await assert.rejects(done, { code: "REGISTRY_UNREACHABLE", message: /broke while pushing acme\/x, tried 4 times/ });
  assert.equal(registry.blobs.size, 0);
});

for (const [what, status, code, reason] of [
  ["that is full", 507, "PUSH_FAILED", "no space left"],
  ["that limits sizes", 413, "PUSH_FAILED", "too large"],
  ["that denies pushes", 403, "REGISTRY_DENIED", "denied"],
] as const)
  test(`a registry ${what} ends the upload with its reason`, async (t) => {
    const { done } = await upload(t, {
      fault(request, response) {
        if (request.method !== "PATCH") return false;
        request.resume();
        respondWithError(response, status, "X", reason);
        return true;
      },
    });
    await assert.rejects(done, { code, message: new RegExp(reason) });
  });

test("a failure of the registry is tried again", async (t) => {
  let failures = 0;
  const { registry, done } = await upload(t, {
    fault(request, response) {
      if (request.method !== "PUT" || failures++ > 0) return false;
      request.resume().once("end", () => respondWithError(response, 503, "UNAVAILABLE", "busy"));
      return true;
    },
  });
  await done;
  assert.ok(registry.blobs.has(`acme/x@${digest}`));
});
