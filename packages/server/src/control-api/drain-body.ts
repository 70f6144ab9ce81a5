import type { IncomingMessage } from "node:http";
import { finished, PassThrough, type Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";

/** Time that the rest of a rejected request is read for, so that the client can read the response. */
const DRAIN_MS = 5_000;

/** Returns the body of a request. Destroying it leaves the connection open: destroying the request would close it before the response is sent. */
export function bodyOf(request: IncomingMessage): Readable {
  const body = new PassThrough();
  // A client can disconnect before anything reads the body, and an error without a listener would end the server.
  body.on("error", () => {});
  finished(request, { writable: false }, (error) => {
    if (error) body.destroy(error);
  });
  return request.pipe(body);
}

/**
 * Yields a response body, then reads and discards the rest of the request, for a bounded time, before it ends. Closing at once would reset the connection,
 * and the client could lose the response (RFC 9112 section 9.6).
 */
export async function* sendAndDrain(text: string, request: IncomingMessage): AsyncGenerator<string> {
  yield text;
  request.unpipe();
  request.resume();
  const done = new AbortController();
  request.once("close", () => done.abort());
  request.once("end", () => done.abort());
  if (request.complete || request.destroyed) return;
  await delay(DRAIN_MS, undefined, { signal: done.signal, ref: false }).catch(() => {});
}
