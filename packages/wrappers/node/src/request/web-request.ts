import type { IncomingMessage } from "node:http";
import type { Call } from "../call.ts";
import { bodyTooLarge, chunksOf, declaresTooLarge, limitedChunks } from "./body-limit.ts";
import { decodedChunks } from "./content-encoding.ts";

/**
 * Returns the web-standard Request of a call, with the address that the client used. Its body streams, decoded.
 *
 * @throws BODY_TOO_LARGE
 * @throws UNSUPPORTED_MEDIA_TYPE
 */
export function webRequestOf({ request, signal }: Call): Request {
  if (declaresTooLarge(request)) throw bodyTooLarge();
  const { method = "GET", rawHeaders } = request;
  const headers = new Headers();
  for (let i = 0; i < rawHeaders.length; i += 2) headers.append(rawHeaders[i] as string, rawHeaders[i + 1] as string);
  const encoding = request.headers["content-encoding"];
  let body: AsyncIterable<Buffer> | undefined;
  if (method !== "GET" && method !== "HEAD") {
    body = encoding === undefined ? limitedChunks(chunksOf(request)) : decodedChunks(request, encoding);
    if (encoding !== undefined) for (const name of ["content-encoding", "content-length"]) headers.delete(name);
  }
  return new Request(addressOf(request), {
    method,
    headers,
    signal,
    ...(body === undefined ? {} : { body, duplex: "half" }),
  });
}

/** Returns the address that the client used, with the path that the function sees: each proxy adds its own to a forwarded header. */
function addressOf({ url = "/", headers }: IncomingMessage): string {
  const first = (value: string | string[] | undefined) =>
    String(value ?? "")
      .split(",", 1)[0]
      ?.trim();
  const protocol = first(headers["x-forwarded-proto"]) || "http";
  const host = first(headers["x-forwarded-host"]) || headers.host || "localhost";
  return `${protocol}://${host}${url.startsWith("/") ? url : "/"}`;
}
