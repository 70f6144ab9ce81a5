import type { IncomingMessage } from "node:http";
import { FaasError } from "@faas/core";
import { authorityOf } from "./request-path.ts";

/**
 * More header fields than any client sends. `node:http` silently drops fields and trailers beyond its own limit, 2000: a Content-Length among them would go
 * unnoticed.
 */
const MAX_HEADERS = 200;

const SLASH = 47;

/** `uri-host [":" port]` (RFC 9110 section 7.2), or the empty string. */
export const HOST = /^(?:\[[\da-f:.]+\]|[\w.~!$&'()*+,;=%-]*)(?::\d*)?$/i;

/**
 * Checks a request that `node:http` accepted. Returns an error if it must not be processed, because a proxy or a replica could interpret it differently; its
 * connection must be closed then.
 */
export function validateRequest(request: IncomingMessage): FaasError | undefined {
  const { rawHeaders, headers, httpVersionMajor, httpVersionMinor } = request;
  if (httpVersionMajor !== 1) return invalid(`Expected HTTP/1.1 or HTTP/1.0, got HTTP/${request.httpVersion}`);
  if (rawHeaders.length > 2 * MAX_HEADERS)
    return new FaasError(
      "HEADERS_TOO_LARGE",
      `Expected at most ${MAX_HEADERS} header fields, got ${rawHeaders.length / 2}`,
    );
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (name.length === 4 && name.toLowerCase() === "host") hosts++;
  }
  // RFC 9112 section 3.2.
  if (hosts > 1) return invalid(`Expected one header Host, got ${hosts}`);
  if (hosts === 0 && httpVersionMinor > 0) return invalid("Expected a header Host, got none");
  const host = headers.host ?? "";
  if (!HOST.test(host)) return invalid(`Expected the header Host to be a host and a port, got "${host.slice(0, 100)}"`);
  if ((request.url as string).charCodeAt(0) !== SLASH) {
    const authority = authorityOf(request.url as string, headers.host);
    if (hosts > 0 && authority.toLowerCase() !== host.toLowerCase())
      return invalid(
        `Expected the host of the target and the header Host to be the same, got "${authority}" and "${host}"`,
      );
    if (!HOST.test(authority))
      return invalid(`Expected a target with a host and a port, got "${authority.slice(0, 100)}"`);
  }
  const coding = headers["transfer-encoding"];
  if (coding === undefined) return undefined;
  // RFC 9112 section 6.1.
  if (httpVersionMinor === 0) return invalid("Expected no Transfer-Encoding in HTTP/1.0");
  if (coding.toLowerCase() !== "chunked") return invalid(`Expected Transfer-Encoding to be "chunked", got "${coding}"`);
  return undefined;
}

const invalid = (detail: string) => new FaasError("INVALID_REQUEST", detail);
