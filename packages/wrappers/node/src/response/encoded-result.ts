import type { OutgoingHttpHeaders } from "node:http";
import type { Call } from "../call.ts";
import { removeMissingEncoding, removeMissingEncodingOf } from "./content-encoding.ts";
import { type ExactResult, isStream, sendBody } from "./result.ts";

/** Sends a body whose headers have a Content-Encoding, without that header if the body is not encoded. */
export async function sendEncoded(
  call: Call,
  { status, body }: ExactResult,
  headers: OutgoingHttpHeaders,
  encoding: string,
): Promise<void> {
  if (isStream(body)) return sendBody(call, status, headers, await removeMissingEncodingOf(body, headers, encoding));
  if (body !== undefined && body !== null)
    removeMissingEncoding(headers, encoding, body instanceof ArrayBuffer ? new Uint8Array(body) : body);
  return sendBody(call, status, headers, body);
}
