import type { IncomingMessage } from "node:http";
import { finished, PassThrough, type Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";

/** A body that goes on after the answer is read so long, so that the client gets to see the answer. */
const LEFTOVER_MS = 5_000;

/** The body of a request. To stop reading it leaves the connection alone: destroying the request would take the answer with it. */
export function bodyOf(request: IncomingMessage): Readable {
  const body = new PassThrough();
  // A client may go away before anybody reads, and an error that nobody listens to would end the server.
  body.on("error", () => {});
  finished(request, { writable: false }, (error) => {
    if (error) body.destroy(error);
  });
  return request.pipe(body);
}

/**
 * An answer that ends when the rest of the request's body has come, and was thrown away; for a bounded time. Closing at once would reset
 * the connection, and the client might lose the answer (RFC 9112 section 9.6).
 */
export async function* answerAndDrain(text: string, request: IncomingMessage): AsyncGenerator<string> {
  yield text;
  request.unpipe();
  request.resume();
  const done = new AbortController();
  request.once("close", () => done.abort());
  request.once("end", () => done.abort());
  if (request.complete || request.destroyed) return;
  await delay(LEFTOVER_MS, undefined, { signal: done.signal, ref: false }).catch(() => {});
}
