import { type ServerResponse, STATUS_CODES } from "node:http";
import { type FaasError, PROBLEM_MEDIA_TYPE, toProblem } from "@faas/core";

/** An answer, head and body, to who is connected and has no request that could be answered. The connection has to be closed after it. */
export function problemText(error: FaasError, headers: Readonly<Record<string, string>> = {}): string {
  const text = JSON.stringify(toProblem(error));
  const all = { ...(error.status === 503 ? { "Retry-After": "1" } : {}), ...headers };
  const more = Object.entries(all)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
  return (
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}\r\nContent-Type: ${PROBLEM_MEDIA_TYPE}\r\n` +
    `Content-Length: ${Buffer.byteLength(text)}\r\n${more}Connection: close\r\n\r\n${text}`
  );
}

/** The same to a request, in its turn. */
export function answerProblem(response: ServerResponse, error: FaasError): void {
  const text = JSON.stringify(toProblem(error));
  response.shouldKeepAlive = false;
  response.writeHead(error.status, { "Content-Type": PROBLEM_MEDIA_TYPE, "Content-Length": Buffer.byteLength(text) });
  response.end(text);
  // What is left of it is read, for as long as the answer takes.
  response.req.resume();
}
