import type { IncomingHttpHeaders } from "node:http";
import { TOKEN_PREFIX } from "@faas/core";

/** For functions that use `Authorization` themselves: then the key goes here. */
export const TOKEN_HEADER = "x-faas-token";

/** RFC 9110 section 11.6.1. */
export const CHALLENGE = 'Bearer realm="faas"';

const BEARER = /^bearer +/i;

/** Whether a value of `Authorization` is for us. One that is not may be the function's. */
export function isOurBearer(value: string): boolean {
  const found = BEARER.exec(value);
  return found !== null && value.startsWith(TOKEN_PREFIX, found[0].length);
}

/** The token of a request: in `X-Faas-Token`, or in `Authorization: Bearer` (RFC 6750). */
export function tokenOf(headers: IncomingHttpHeaders): string | undefined {
  const own = headers[TOKEN_HEADER];
  if (typeof own === "string") return own;
  const { authorization } = headers;
  return authorization !== undefined && isOurBearer(authorization) ? authorization.replace(BEARER, "") : undefined;
}
