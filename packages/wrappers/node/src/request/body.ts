import type { IncomingMessage } from "node:http";
import { lazy } from "../lazy/load.ts";
import { bodyLimit } from "../options.ts";
import { Problem } from "../problem.ts";
import { bodyTooLarge, declaresTooLarge } from "./body-limit.ts";

/** Tests whether a request declares a body. */
export function hasBody({ headers }: IncomingMessage): boolean {
  const length = headers["content-length"];
  return (length !== undefined && length !== "0") || headers["transfer-encoding"] !== undefined;
}

/**
 * Reads the whole body, decoded. The headers that describe the encoded body are removed.
 *
 * @throws BODY_TOO_LARGE as soon as it is over the limit; the rest is not read.
 * @throws INVALID_REQUEST if the client disconnects.
 * @throws UNSUPPORTED_MEDIA_TYPE
 */
export function readBody(request: IncomingMessage): Promise<Buffer> {
  const encoding = request.headers["content-encoding"];
  return encoding === undefined ? readBytes(request) : lazy().readEncoded(request, encoding);
}

function readBytes(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (declaresTooLarge(request)) throw bodyTooLarge();
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > bodyLimit) {
        request.removeAllListeners("data");
        request.pause();
        return reject(bodyTooLarge());
      }
      chunks.push(chunk);
    });
    request.once("end", () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size)));
    request.once("error", () =>
      reject(new Problem("INVALID_REQUEST", "The request ended before its body was complete")),
    );
  });
}
