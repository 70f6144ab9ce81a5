import type { OutgoingHttpHeaders } from "node:http";
import type { Call } from "../call.ts";
import type { Problem } from "../problem.ts";
import { hasBody } from "../request/body.ts";
import { ACCEPTED_ENCODINGS } from "../request/content-encoding.ts";
import { send } from "./send.ts";

export const PROBLEM_TYPE = "application/problem+json";

/** Answers a call with a problem document. Does nothing if the call was answered or the client disconnected. */
export function sendProblem(call: Call, problem: Problem): void {
  const { response, request, requestId } = call;
  if (response.headersSent || response.destroyed) return;
  const { status, text } = problem.document(requestId);
  const headers: OutgoingHttpHeaders = { "Content-Type": PROBLEM_TYPE, "X-Request-Id": requestId };
  if (status === 503) headers["Retry-After"] = "1";
  if (status === 415) headers["Accept-Encoding"] = ACCEPTED_ENCODINGS;
  // The rest of an unread body would be parsed as the next request.
  if (!request.complete && hasBody(request)) headers.Connection = "close";
  send(call, status, headers, text);
}
