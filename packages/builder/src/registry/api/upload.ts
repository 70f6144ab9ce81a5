import { type Readable, Transform } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { FaasError } from "@faas/core";
import { type BlobFacts, startUpload, TRANSFER_IDLE_MS } from "./blobs.ts";
import { pushBroken, pushRefused } from "./failures.ts";
import { isFailure, isTransient, type RegistrySession } from "./session.ts";
import type { RegistryResponse } from "./transport.ts";

/** A blob that can be read from any byte on. */
export interface BlobSource extends BlobFacts {
  open(start: number, end: number): Promise<Readable>;
}

export interface UploadOptions {
  /** URL of an upload that exists already. */
  readonly location?: string | undefined;
  /** Called with the number of bytes that the registry has been sent. */
  readonly onSent?: ((bytes: number) => void) | undefined;
  /** Size of the pieces in which a large blob is sent. @defaultValue 64 MiB */
  readonly chunkBytes?: number;
  /** Delays between attempts without progress. */
  readonly retryDelaysMs?: readonly number[];
}

/** Proxies before a registry often limit the size of a request. */
const CHUNK_BYTES = 64 * 2 ** 20;
const RETRY_DELAYS_MS = [500, 2_000, 5_000];

/**
 * Uploads a blob (OCI distribution specification, "Pushing a blob monolithically" and "Pushing a blob in chunks"). After a broken connection it asks
 * the registry how much has arrived, and continues there; a registry that has lost the upload gets the blob from its beginning.
 *
 * @throws REGISTRY_DENIED, REGISTRY_UNREACHABLE, PUSH_FAILED
 */
export async function uploadBlob(
  session: RegistrySession,
  repository: string,
  source: BlobSource,
  { location, onSent, chunkBytes = CHUNK_BYTES, retryDelaysMs = RETRY_DELAYS_MS }: UploadOptions = {},
): Promise<void> {
  const { signal } = session.access;
  const upload = new Upload(session, repository, source, chunkBytes, onSent);
  let best = -1;
  for (let retries = 0; ; retries++) {
    let failure: unknown;
    try {
      await upload.continueFrom(location);
      return;
    } catch (error) {
      signal?.throwIfAborted();
      // Starting an upload has had its attempts.
      if (error instanceof FaasError) throw error;
      failure = error;
    }
    const isRetried = failure instanceof FailedUpload ? isFailure(failure.response.status) : isTransient(failure);
    // An upload that advances between two failures is worth continuing.
    if (upload.confirmed > best) retries = Math.min(retries, 0);
    best = Math.max(best, upload.confirmed);
    const delayMs = retryDelaysMs[retries];
    if (!isRetried && !(failure instanceof LostUpload && delayMs !== undefined)) throw explain(failure);
    if (delayMs === undefined) throw explain(failure, retries + 1);
    await delay(delayMs, undefined, signal ? { signal } : {});
    location = failure instanceof LostUpload ? undefined : await upload.resumable();
  }

  function explain(failure: unknown, attempts = 1): unknown {
    if (failure instanceof FailedUpload) return pushRefused(session, repository, failure.response);
    return pushBroken(session, repository, attempts, failure);
  }
}

/** A response that does not accept a piece. */
class FailedUpload extends Error {
  readonly response: RegistryResponse;

  constructor(response: RegistryResponse) {
    super(`status ${response.status}`);
    this.response = response;
  }
}

/** The registry does not know the upload, or expects another piece of it. */
class LostUpload extends FailedUpload {}

class Upload {
  /** Number of bytes that the registry has confirmed. */
  confirmed = 0;
  readonly #session: RegistrySession;
  readonly #repository: string;
  readonly #source: BlobSource;
  readonly #chunkBytes: number;
  readonly #onSent: ((bytes: number) => void) | undefined;
  #location: string | undefined;

  constructor(
    session: RegistrySession,
    repository: string,
    source: BlobSource,
    chunkBytes: number,
    onSent: ((bytes: number) => void) | undefined,
  ) {
    this.#session = session;
    this.#repository = repository;
    this.#source = source;
    this.#chunkBytes = chunkBytes;
    this.#onSent = onSent;
  }

  /** Sends the blob from the first byte that the registry lacks; without a location from the beginning, in an upload of its own. */
  async continueFrom(location: string | undefined): Promise<void> {
    const { sizeBytes, digest } = this.#source;
    if (location === undefined) this.confirmed = 0;
    this.#location = location ?? (await startUpload(this.#session, this.#repository));
    while (sizeBytes - this.confirmed > this.#chunkBytes) await this.#sendChunk(this.confirmed + this.#chunkBytes);
    const isWhole = this.confirmed === 0;
    // A single POST with the digest would need no location, but some registries answer 202 and store nothing.
    const path = `${this.#location}${this.#location.includes("?") ? "&" : "?"}digest=${encodeURIComponent(digest)}`;
    const response = await this.#send(
      "PUT",
      path,
      sizeBytes,
      isWhole ? {} : { "Content-Range": this.#range(sizeBytes) },
    );
    if (response.status !== 201 && response.status !== 204) throw failed(response);
    this.confirmed = sizeBytes;
  }

  /** Asks how much of the upload has arrived; undefined when it cannot be continued. */
  async resumable(): Promise<string | undefined> {
    const path = this.#location;
    if (path === undefined) return undefined;
    const request = { method: "GET", path, scope: this.#repository, idleMs: TRANSFER_IDLE_MS } as const;
    const { status, headers } = await this.#session.send(request).catch(() => ({ status: 0, headers: {} }) as const);
    const end = /^(?:bytes=)?0-(\d+)$/.exec(String((headers as Record<string, unknown>).range ?? ""))?.[1];
    if (status !== 204 || end === undefined) return undefined;
    // "0-0" means an empty upload to some registries, and one byte to others.
    const received = end === "0" ? 0 : Number(end) + 1;
    if (received > this.#source.sizeBytes || (received === 0 && this.confirmed > 0)) return undefined;
    this.confirmed = received;
    return (headers as Record<string, string | undefined>).location ?? path;
  }

  async #sendChunk(end: number): Promise<void> {
    const headers = { "Content-Range": this.#range(end) };
    const response = await this.#send("PATCH", this.#location as string, end, headers);
    if (response.status !== 202) throw failed(response);
    this.#location = response.headers.location ?? this.#location;
    this.confirmed = end;
  }

  #range(end: number): string {
    return `${this.confirmed}-${end - 1}`;
  }

  #send(method: "PATCH" | "PUT", path: string, end: number, more: Record<string, string>): Promise<RegistryResponse> {
    const start = this.confirmed;
    const source = this.#source;
    const onSent = this.#onSent;
    return this.#session.send({
      ...{ method, path, scope: this.#repository, idleMs: TRANSFER_IDLE_MS },
      headers: { "Content-Type": "application/octet-stream", ...more },
      body: {
        sizeBytes: end - start,
        async open() {
          const bytes = await source.open(start, end);
          return onSent ? counted(bytes, start, onSent) : bytes;
        },
      },
    });
  }
}

function failed(response: RegistryResponse): FailedUpload {
  const isLost = response.status === 404 || response.status === 416;
  return isLost ? new LostUpload(response) : new FailedUpload(response);
}

function counted(source: Readable, start: number, onSent: (bytes: number) => void): Readable {
  let sent = start;
  const counter = new Transform({
    transform(piece: Buffer, _encoding, done) {
      sent += piece.length;
      onSent(sent);
      done(null, piece);
    },
  });
  source.once("error", (error) => counter.destroy(error));
  counter.once("close", () => source.destroy());
  return source.pipe(counter);
}
