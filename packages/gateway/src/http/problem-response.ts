import { type ServerResponse, STATUS_CODES } from "node:http";
import { type ErrorCode, type FaasError, PROBLEM_MEDIA_TYPE, toProblem } from "@faas/core";
import { RetryLaterError } from "../limits/quota-error.ts";
import { requestIdOf } from "./request-id.ts";
import { CHALLENGE } from "./token-header.ts";

/** A problem document (RFC 9457) with the status and the headers it is sent with. */
export interface ProblemResponse {
  readonly status: number;
  readonly code: ErrorCode;
  /** Mutable, so that a layer can add headers of its own. */
  readonly headers: Record<string, string>;
  /** The document as JSON. */
  readonly body: string;
}

/**
 * Builds the response to a request that failed. The connection layer, the gateway and the control API all use it, so a failure looks the same wherever it
 * is detected. An error that is not a `FaasError` becomes INTERNAL, without details.
 */
export function problemResponse(error: unknown, requestId: string): ProblemResponse {
  const problem = toProblem(error, requestId);
  const body = JSON.stringify(problem);
  const headers: Record<string, string> = {
    "Content-Type": PROBLEM_MEDIA_TYPE,
    "Content-Length": String(Buffer.byteLength(body)),
    "X-Request-Id": requestId,
  };
  if (problem.status === 503) headers["Retry-After"] = "1";
  if (problem.status === 401) headers["WWW-Authenticate"] = CHALLENGE;
  if (error instanceof RetryLaterError) Object.assign(headers, error.headers);
  return { status: problem.status, code: problem.code, headers, body };
}

/**
 * Sends a problem as the response to a request that must not be processed, and closes the connection after it: the bytes that follow on the connection
 * cannot be trusted.
 */
export function sendProblem(response: ServerResponse, error: FaasError): void {
  const { status, headers, body } = problemResponse(error, requestIdOf(response.req.headers));
  response.shouldKeepAlive = false;
  response.writeHead(status, headers);
  response.end(body);
  // Reads the rest of the request for as long as sending the response takes.
  response.req.resume();
}

/** Formats a problem as bytes for a connection that has no `ServerResponse`. The connection must be closed after it. */
export function formatProblem(
  error: FaasError,
  requestId: string,
  headers: Readonly<Record<string, string>> = {},
): string {
  const { status, headers: own, body } = problemResponse(error, requestId);
  const lines = Object.entries({ ...own, ...headers, Connection: "close" })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines}\r\n${body}`;
}
