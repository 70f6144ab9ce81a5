import { createHash, randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { TestContext } from "node:test";
import { type FakeRegistry, respondWithError, startFakeRegistry } from "./fake-registry.ts";

/** For tests: a registry in memory (OCI distribution specification) whose faults and login a test decides. */

export interface MemoryRegistryOptions {
  /** Answers a request in place of the registry and returns true, or returns false. */
  readonly fault?: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Keeps what arrived of a piece when its connection breaks, as a registry with resumable uploads. */
  readonly keepsBrokenPieces?: boolean;
  readonly tls?: { readonly key: string; readonly cert: string };
}

export interface MemoryRegistry extends FakeRegistry {
  /** Content by `repository@digest`. */
  readonly blobs: Map<string, Buffer>;
  /** Manifests by `repository:tag` and `repository@digest`. */
  readonly manifests: Map<string, StoredContent>;
}

interface StoredContent {
  readonly type: string;
  readonly bytes: Buffer;
}

export const digestOf = (bytes: Buffer | string): string =>
  `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** Starts a registry that is closed after the test. */
export async function startMemoryRegistry(
  t: Pick<TestContext, "after">,
  { fault, keepsBrokenPieces = false, tls }: MemoryRegistryOptions = {},
): Promise<MemoryRegistry> {
  const store = new MemoryStore(keepsBrokenPieces);
  const answer = (request: IncomingMessage, response: ServerResponse): boolean => {
    if (fault?.(request, response)) return true;
    const url = new URL(request.url ?? "", "http://registry");
    const [, repository = "", kind = "", name = ""] =
      /^\/v2\/(.+)\/(blobs\/uploads|blobs|manifests)\/([^/]*)$/.exec(url.pathname) ?? [];
    const call = { request, response, url, repository, name };
    if (kind === "blobs") store.readBlob(call);
    else if (kind === "manifests") void store.manifest(call);
    else if (kind === "blobs/uploads") void store.upload(call);
    return kind !== "";
  };
  const registry = await startFakeRegistry(t, { answer, ...(tls ? { tls } : {}) });
  return { ...registry, blobs: store.blobs, manifests: store.manifests };
}

class MemoryStore {
  readonly blobs = new Map<string, Buffer>();
  readonly manifests = new Map<string, StoredContent>();
  readonly #uploads = new Map<string, Buffer>();
  readonly #keepsBrokenPieces: boolean;

  constructor(keepsBrokenPieces: boolean) {
    this.#keepsBrokenPieces = keepsBrokenPieces;
  }

  readBlob({ request, response, repository, name }: Call): void {
    const found = this.blobs.get(`${repository}@${name}`);
    if (!found) {
      respondWithError(response, 404, "BLOB_UNKNOWN", "blob unknown to registry");
      return;
    }
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    response.writeHead(start === 0 ? 200 : 206, { "Content-Length": found.length - start });
    response.end(request.method === "HEAD" ? undefined : found.subarray(start));
  }

  async manifest({ request, response, repository, name }: Call): Promise<void> {
    const key = `${repository}${name.startsWith("sha256:") ? "@" : ":"}${name}`;
    if (request.method === "PUT") {
      const bytes = await read(request);
      const missing = blobsIn(bytes).find((each) => !this.blobs.has(`${repository}@${each}`));
      if (missing) return respondWithError(response, 400, "MANIFEST_BLOB_UNKNOWN", `blob unknown: ${missing}`);
      const stored = { type: request.headers["content-type"] ?? "", bytes };
      this.manifests.set(key, stored).set(`${repository}@${digestOf(bytes)}`, stored);
      response.writeHead(201).end();
      return;
    }
    const found = this.manifests.get(key);
    if (!found || !request.headers.accept?.includes(found.type))
      return respondWithError(response, 404, "MANIFEST_UNKNOWN", "manifest unknown");
    response.writeHead(200, { "Content-Type": found.type, "Docker-Content-Digest": digestOf(found.bytes) });
    response.end(request.method === "HEAD" ? undefined : found.bytes);
  }

  async upload(call: Call): Promise<void> {
    const { request, response, url, repository, name } = call;
    if (request.method === "POST") return this.#beginUpload(call);
    const received = this.#uploads.get(name);
    if (!received) return respondWithError(response, 404, "BLOB_UPLOAD_UNKNOWN", "upload unknown");
    const status = (size: number) => ({ Location: url.pathname, Range: `0-${Math.max(0, size - 1)}` });
    if (request.method === "GET") {
      response.writeHead(204, status(received.length)).end();
      return;
    }
    const start = Number(/^(\d+)-/.exec(request.headers["content-range"] ?? "")?.[1] ?? received.length);
    if (start !== received.length) return respondWithError(response, 416, "RANGE_INVALID", "wrong offset");
    const bytes = await read(request, (part) => {
      if (this.#keepsBrokenPieces) this.#uploads.set(name, Buffer.concat([received, part]));
      else this.#uploads.delete(name);
    });
    const whole = Buffer.concat([received, bytes]);
    this.#uploads.set(name, whole);
    const digest = url.searchParams.get("digest");
    if (digest !== null && digestOf(whole) !== digest)
      return respondWithError(response, 400, "DIGEST_INVALID", "digest mismatch");
    if (digest !== null) this.blobs.set(`${repository}@${digest}`, whole);
    response.writeHead(digest === null ? 202 : 201, status(whole.length)).end();
  }

  #beginUpload({ response, url, repository }: Call): void {
    const { mount, from } = Object.fromEntries(url.searchParams);
    const mounted = this.blobs.get(`${from}@${mount}`);
    const id = randomUUID();
    if (mounted) this.blobs.set(`${repository}@${mount}`, mounted);
    else this.#uploads.set(id, Buffer.alloc(0));
    response.writeHead(mounted ? 201 : 202, { Location: `/v2/${repository}/blobs/uploads/${id}` }).end();
  }
}

interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly repository: string;
  readonly name: string;
}

/** Reads a body; calls back with what arrived if the connection breaks. */
async function read(request: IncomingMessage, onBroken?: (part: Buffer) => void): Promise<Buffer> {
  const pieces: Buffer[] = [];
  try {
    for await (const piece of request) pieces.push(piece as Buffer);
  } catch {
    onBroken?.(Buffer.concat(pieces));
    return new Promise(() => {});
  }
  return Buffer.concat(pieces);
}

function blobsIn(bytes: Buffer): string[] {
  const { config, layers = [] } = JSON.parse(bytes.toString()) as {
    config?: { digest: string };
    layers?: readonly { digest: string }[];
  };
  return [...(config ? [config] : []), ...layers].map(({ digest }) => digest);
}
