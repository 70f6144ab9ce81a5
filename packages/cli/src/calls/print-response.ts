import { STATUS_CODES } from "node:http";
import { type EndpointRef, type ErrorCode, endpointKey, FaasError, nearest } from "@faas/core";
import type { Client } from "../client/client.ts";
import type { HttpResponse } from "../client/http-transport.ts";
import { problemError } from "../client/problem-error.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { colors, printStatus, showError, write } from "../terminal/output.ts";

/** Options of commands that print a response of a function. */
export interface ResponseOptions extends GlobalOptions {
  readonly include?: boolean;
}

/** Maximum bytes of a failed response that are kept to find a problem document in it. */
const MAX_PROBLEM_BYTES = 1024 * 1024;

/** Codes of failures with which the function has nothing to do, so that its output does not explain them. */
const SERVER_CODES: ReadonlySet<string> = new Set([
  "CONTROL_SERVER_AWAY",
  "INTERNAL",
  "LOOP_DETECTED",
  "NO_CAPACITY",
  "QUEUE_FAILED",
  "QUEUE_UNAVAILABLE",
  "REPLICAS_LIMITED",
  "SERVER_STOPPING",
  "STORAGE_FULL",
  "TOO_MANY_CONNECTIONS",
] satisfies readonly ErrorCode[]);

/** Response, and the endpoint that it is from. */
export interface EndpointResponse {
  readonly target: EndpointRef;
  readonly response: HttpResponse;
  /** Called when the body has ended, before the reason of a failure is printed. */
  readonly onEnd?: () => void;
}

/** Prints the body of a response on stdout, and on stderr why it failed if its status is not 2xx; the exit code is 1 then. */
export async function printResponse(
  { target, response, onEnd }: EndpointResponse,
  client: Client,
  options: ResponseOptions,
  io: Io,
): Promise<void> {
  if (options.include) printHead(response, io);
  const succeeded = response.statusCode >= 200 && response.statusCode < 300;
  const body = await copyBody(client.read(response.body), response, io);
  onEnd?.();
  if (succeeded || io.signal.aborted) return;
  io.exitCode = 1;
  await printFailure(response.statusCode, body, target, client, options, io);
}

function printHead({ statusCode, headers }: HttpResponse, io: Io): void {
  printStatus(io, `HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode] ?? ""}`.trimEnd());
  for (const [name, value] of Object.entries(headers))
    for (const each of [value].flat()) printStatus(io, `${name}: ${each}`);
  printStatus(io, "");
}

/** Copies the body to stdout. Returns the beginning of that of a failed response, in which a problem document may be. */
async function copyBody(body: AsyncIterable<Buffer>, response: HttpResponse, io: Io): Promise<Buffer> {
  const { statusCode, headers } = response;
  const maxKept = statusCode >= 200 && statusCode < 300 ? 0 : MAX_PROBLEM_BYTES;
  // On a terminal the error says all that a problem document does.
  const isExplained = maxKept > 0 && headers["content-type"] === "application/problem+json";
  if (!isExplained || !io.stdout.isTTY) return copyToStdout(body, maxKept, io);
  const bytes = Buffer.concat(await Array.fromAsync(body));
  return problemError(bytes.toString("utf8")) ? bytes : copyToStdout([bytes], maxKept, io);
}

/** Copies a body to stdout byte for byte; returns at most its first `maxKept` bytes. */
async function copyToStdout(body: AsyncIterable<Buffer> | Iterable<Buffer>, maxKept: number, io: Io): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let last: number | undefined;
  for await (const chunk of body) {
    if (bytes < maxKept) chunks.push(chunk.subarray(0, maxKept - bytes));
    bytes += chunk.length;
    last = chunk.at(-1) ?? last;
    await write(io, chunk);
  }
  // The prompt, and our own lines, begin on a new line.
  if (io.stdout.isTTY && last !== undefined && last !== 0x0a) io.stdout.write("\n");
  return Buffer.concat(chunks);
}

/** Prints the reason of a failed response, from its problem document if it has one. */
async function printFailure(
  status: number,
  body: Buffer,
  target: EndpointRef,
  client: Client,
  options: ResponseOptions,
  io: Io,
): Promise<void> {
  const problem = problemError(body.toString("utf8"));
  if (problem) {
    showError(await withAdvice(problem, target, client), io, options.verbose ?? false);
    return;
  }
  const color = colors(io.stderr, io);
  printStatus(
    io,
    `${color.red("error:")} ${endpointKey(target)} responded with ${status} ${STATUS_CODES[status] ?? ""}`.trimEnd(),
  );
  if (status >= 500) printStatus(io, `${color.yellow("hint:")} ${logsHint(target)}`);
}

/** Adds a suggestion for a mistyped name, or a pointer to the logs when the function failed. */
async function withAdvice(problem: FaasError, target: EndpointRef, client: Client): Promise<FaasError> {
  const { code, message, extensions, status } = problem;
  if (code === "ENDPOINT_NOT_FOUND" || code === "ORG_NOT_FOUND") {
    const known = await client.endpoints().catch(() => []);
    const suggestion = nearest(endpointKey(target), known.map(endpointKey));
    return suggestion === undefined ? problem : new FaasError(code, message, { extensions: { suggestion } });
  }
  if (status < 500 || SERVER_CODES.has(code)) return problem;
  return new FaasError(code, message, { extensions: { hint: logsHint(target), ...extensions } });
}

const logsHint = (target: EndpointRef) => `run "faas logs ${endpointKey(target)}" to see the output of the function`;
