import type { IncomingHttpHeaders } from "node:http";
import { TOKEN_PREFIX } from "@faas/core";

/** Alternative header for the key, for calls to functions that use `Authorization` themselves. */
export const TOKEN_HEADER = "x-faas-token";

/** Value of `WWW-Authenticate` (RFC 9110 section 11.6.1). */
export const CHALLENGE = 'Bearer realm="faas"';

const BEARER = /^bearer +/i;

/** Tells whether a value of `Authorization` holds a key. Any other value is for the function. */
export function isFaasBearer(value: string): boolean {
  const found = BEARER.exec(value);
  return found !== null && value.startsWith(TOKEN_PREFIX, found[0].length);
}

/** Returns the token of a request, from `X-Faas-Token` or `Authorization: Bearer` (RFC 6750). */
export function tokenOf(headers: IncomingHttpHeaders): string | undefined {
  const own = headers[TOKEN_HEADER];
  if (typeof own === "string") return own;
  const { authorization } = headers;
  return authorization !== undefined && isFaasBearer(authorization) ? authorization.replace(BEARER, "") : undefined;
}
