import type { Call } from "../call.ts";
import { bodyTooLarge, declaresTooLarge, limitedChunks } from "./body.ts";

/**
 * Returns the web-standard Request of a call, with the address that the client used. Its body streams.
 *
 * @throws BODY_TOO_LARGE
 */
export function webRequestOf({ request, signal }: Call): Request {
  if (declaresTooLarge(request)) throw bodyTooLarge();
  const { method = "GET", url = "/", rawHeaders } = request;
  const headers = new Headers();
  for (let i = 0; i < rawHeaders.length; i += 2) headers.append(rawHeaders[i] as string, rawHeaders[i + 1] as string);
  const protocol = request.headers["x-forwarded-proto"] ?? "http";
  const host = request.headers["x-forwarded-host"] ?? request.headers.host ?? "localhost";
  return new Request(new URL(url.startsWith("/") ? url : "/", `${protocol}://${host}`), {
    method,
    headers,
    signal,
    ...(method === "GET" || method === "HEAD" ? {} : { body: limitedChunks(request), duplex: "half" }),
  });
}
