import type { OutgoingHttpHeaders } from "node:http";
import type { Call } from "../call.ts";
import { lazy } from "../lazy/load.ts";
import { messageOf, Problem } from "../problem.ts";
import { isDraining } from "../shutdown.ts";

/** Content types of values without their own. */
export const TEXT = "text/plain; charset=utf-8";
export const BYTES = "application/octet-stream";
export const JSON_TYPE = "application/json";

const FRAMING = /^(?:content-length|transfer-encoding|connection)$/i;

/**
 * Tests whether a header frames the message, which the wrapper does itself (RFC 9112 section 6). A function may ask to close the connection.
 */
export function isFraming(name: string, value: unknown): boolean {
  return FRAMING.test(name) && (name.length !== "connection".length || value !== "close");
}

/** Returns a copy of a function's headers without those that are empty or frame the message. */
export function sendableHeaders(given: unknown): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = { ...(given as OutgoingHttpHeaders | undefined) };
  for (const name of Object.keys(headers)) {
    const value: unknown = headers[name];
    if (value === undefined || value === null || isFraming(name, value)) delete headers[name];
  }
  return headers;
}

/** Sets the content type unless the function did. */
export function withType(headers: OutgoingHttpHeaders, type: string): OutgoingHttpHeaders {
  for (const name in headers) if (name.length === 12 && name.toLowerCase() === "content-type") return headers;
  headers["Content-Type"] = type;
  return headers;
}

/** Returns the name of the Content-Encoding header as the function wrote it; undefined if it is not set. */
export function encodingHeaderOf(headers: OutgoingHttpHeaders): string | undefined {
  for (const name in headers) if (name.length === 16 && name.toLowerCase() === "content-encoding") return name;
  return undefined;
}

/** Tests whether a status forbids a body (RFC 9110 section 6.4.1). */
export function forbidsBody(status: number): boolean {
  return status === 204 || status === 304;
}

/**
 * Writes the status line and the headers; `length` is undefined if it is unknown or there is no body.
 *
 * @throws INVALID_RESPONSE if the function returned an invalid header.
 */
export function writeHead(call: Call, status: number, headers: OutgoingHttpHeaders, length: number | undefined): void {
  const { response } = call;
  if (length !== undefined) headers["Content-Length"] = length;
  headers["X-Request-Id"] = call.requestId;
  if (call.tracedAtMs !== undefined) headers["X-Faas-Trace"] = lazy().timesOf(call.tracedAtMs);
  if (isDraining) headers.Connection = "close";
  try {
    response.writeHead(status, headers);
  } catch (error) {
    if (response.headersSent) throw error;
    throw new Problem("INVALID_RESPONSE", `The function returned a header that cannot be sent: ${messageOf(error)}`);
  }
}
