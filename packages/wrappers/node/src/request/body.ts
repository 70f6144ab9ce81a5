import type { IncomingMessage } from "node:http";
import { bodyLimit } from "../options.ts";
import { messageOf, Problem } from "../problem.ts";
import { bodyTooLarge, declaresTooLarge } from "./body-limit.ts";
import { decodedChunks } from "./content-encoding.ts";

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
  return encoding === undefined ? readBytes(request) : readEncoded(request, encoding);
}

async function readEncoded(request: IncomingMessage, encoding: string): Promise<Buffer> {
  if (declaresTooLarge(request)) throw bodyTooLarge();
  const chunks: Buffer[] = [];
  for await (const chunk of decodedChunks(request, encoding)) chunks.push(chunk);
  delete request.headers["content-encoding"];
  delete request.headers["content-length"];
  return Buffer.concat(chunks);
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

/**
 * Parses a body by its content type: JSON to a value, text to a string, everything else stays bytes. An empty body is null.
 *
 * @throws MALFORMED_JSON
 */
export function parseBody(bytes: Buffer, contentType = ""): unknown {
  if (bytes.length === 0) return null;
  const type = (contentType.split(";", 1)[0] ?? "").trim().toLowerCase();
  if (type === "application/json" || type === "text/json" || type.endsWith("+json")) {
    try {
      // A byte order mark, which some clients send, is not JSON (RFC 8259 section 8.1).
      return JSON.parse(bytes.toString("utf8", startsWithMark(bytes) ? 3 : 0));
    } catch (error) {
      throw new Problem("MALFORMED_JSON", `The body's type is ${type}, but it is not valid JSON: ${messageOf(error)}`);
    }
  }
  if (!type.startsWith("text/") && type !== "application/x-www-form-urlencoded") return bytes;
  const charset = /charset="?([\w-]+)/i.exec(contentType)?.[1] ?? "utf-8";
  try {
    return new TextDecoder(charset, { ignoreBOM: true }).decode(bytes);
  } catch {
    return bytes.toString("utf8");
  }
}

function startsWithMark(bytes: Buffer): boolean {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
}
