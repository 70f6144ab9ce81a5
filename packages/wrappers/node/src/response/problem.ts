import type { OutgoingHttpHeaders } from "node:http";
import type { Call } from "../call.ts";
import { STATUS_CODES } from "../node-http.ts";
import type { Problem } from "../problem.ts";
import { hasBody } from "../request/body.ts";
import { send } from "./send.ts";

/** Value of the Accept-Encoding header of a response that rejects a coding (RFC 9110 section 15.5.16). */
export const ACCEPTED_ENCODINGS = "gzip, deflate, br";
const PROBLEM_TYPE = "application/problem+json";

/** Answers a call with a problem document. Does nothing if the call was answered or the client disconnected. */
export function sendProblem(call: Call, problem: Problem): void {
  const { response, request, requestId } = call;
  if (response.headersSent || response.destroyed) return;
  const { status, text } = problem.document(requestId);
  const headers: OutgoingHttpHeaders = { "Content-Type": PROBLEM_TYPE, "X-Request-Id": requestId };
  if (status === 503) headers["Retry-After"] = "1";
  // The protocol to use instead (RFC 9110 section 15.5.22).
  if (status === 426) headers.Upgrade = call.upgrade === undefined ? "websocket" : "HTTP/1.1";
  if (status === 415) headers["Accept-Encoding"] = ACCEPTED_ENCODINGS;
  // The rest of an unread body would be parsed as the next request.
  if (!request.complete && hasBody(request)) headers.Connection = "close";
  send(call, status, headers, text);
}

/** Writes the whole response with a problem document, for connections without a response object. It closes the connection. */
export function rawProblem(problem: Problem, requestId?: string, hasBody = true): string {
  const { status, text } = problem.document(requestId);
  const id = requestId === undefined ? "" : `X-Request-Id: ${requestId}\r\n`;
  const headers = `Content-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(text)}\r\n${id}Connection: close`;
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${headers}\r\n\r\n${hasBody ? text : ""}`;
}
