import type { IncomingMessage } from "node:http";
import { bodyLimit } from "../options.ts";
import { Problem } from "../problem.ts";

/** Tests whether the declared length of a request's body is over the limit. */
export function declaresTooLarge({ headers }: IncomingMessage): boolean {
  return Number(headers["content-length"]) > bodyLimit;
}

/** Returns the error of a body that is over the limit. */
export function bodyTooLarge(): Problem {
  return new Problem("BODY_TOO_LARGE", `Expected a body of at most ${bodyLimit} bytes, got more`);
}

/** Iterates over a request's body without closing its connection, which carries the response, when the iteration ends early. */
export function chunksOf(request: IncomingMessage): AsyncIterable<Buffer> {
  return request.iterator({ destroyOnReturn: false });
}

/** @throws BODY_TOO_LARGE */
export async function* limitedChunks(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > bodyLimit) throw bodyTooLarge();
    yield chunk;
  }
}
