import type { OutgoingHttpHeaders } from "node:http";
import type { Call } from "../call.ts";
import { forbidsBody, writeHead } from "./head.ts";

/** Sends a response with its whole body, in one write. Does nothing if the call was answered or the client disconnected. */
export function send(
  call: Call,
  status: number,
  headers: OutgoingHttpHeaders,
  body: string | Buffer | undefined,
): undefined {
  const { response, request } = call;
  if (response.destroyed || response.headersSent) return;
  const isBodyless = forbidsBody(status);
  const length = body === undefined ? 0 : Buffer.byteLength(body);
  writeHead(call, status, headers, isBodyless ? undefined : length);
  if (request.method === "HEAD" || isBodyless) response.end();
  // The text has as many bytes as characters: it is ASCII, which is faster to write as Latin-1.
  else if (typeof body === "string" && length === body.length) response.end(body, "latin1");
  else response.end(body);
}

/** Sends the head of a response to HEAD, with the length that the body would have. */
export function sendHeadOnly(call: Call, status: number, headers: OutgoingHttpHeaders, length: number): undefined {
  const { response } = call;
  if (response.destroyed || response.headersSent) return;
  writeHead(call, status, headers, forbidsBody(status) ? undefined : length);
  response.end();
}
