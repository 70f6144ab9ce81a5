import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

/** 1 to 128 visible ASCII characters. */
const VALID = /^[\x21-\x7e]{1,128}$/;

/** Returns the id of a request: the client's `X-Request-Id` if it is valid, a new UUID otherwise. */
export function requestIdOf(headers: IncomingHttpHeaders): string {
  return requestIdFrom(headers["x-request-id"]);
}

/** Returns the id of a request by the value of its header `X-Request-Id`. */
export function requestIdFrom(given: string | string[] | undefined): string {
  return typeof given === "string" && VALID.test(given) ? given : newRequestId();
}

/** Creates an id for a failure on a connection without a readable request. */
export const newRequestId = (): string => randomUUID();
