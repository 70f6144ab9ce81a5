import type { IncomingMessage } from "node:http";
import { finished, PassThrough, type Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { FaasError } from "@faas/core";
import type { Context } from "koa";
import type { RequestBody } from "./route.ts";

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

/** Body that the handler reads itself. */
export const unreadBody = (mediaType: string): RequestBody<undefined> => ({
  mediaType,
  isRequired: true,
  read: async () => undefined,
});

/**
 * Reads the bytes of a body.
 *
 * @throws BODY_TOO_LARGE
 */
export async function readRawBody(context: Context, maxBytes: number): Promise<Buffer> {
  const tooLarge = () => new FaasError("BODY_TOO_LARGE", `Expected a body of at most ${maxBytes} bytes, got more`);
  if ((context.request.length ?? 0) > maxBytes) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of bodyOf(context.req)) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
