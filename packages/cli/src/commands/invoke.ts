import { STATUS_CODES } from "node:http";
import { endpointKey, FaasError, nearest } from "@faas/core";
import type { Command } from "commander";
import type { Dispatcher } from "undici";
import { type Client, connect, problemError } from "../client/client.ts";
import { addRequestOptions, methodOf, openBody, type RequestOptions } from "../options/request-options.ts";
import { parseTarget, pathOf, type Target } from "../options/target.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { colors, printStatus, showError, write } from "../terminal/output.ts";

interface Options extends GlobalOptions, RequestOptions {
  readonly include?: boolean;
  readonly timing?: boolean;
}

/** Of an answer that is no success, so much is kept to find a problem document in it. */
const PROBLEM_MOST_BYTES = 1024 * 1024;

export function define(command: Command, io: Io): void {
  command.argument("<org/endpoint[/rest]>", "what to call; a query may follow");
  addRequestOptions(command);
  command
    .option("-i, --include", "print status and headers of the answer, on stderr")
    .option("--timing", "print how long it took, on stderr")
    .addHelpText("after", "\nThe body goes to stdout as it is. Exit code 1 when the status is not 2xx.")
    .action(async (target: string) => invoke(parseTarget(target), command.optsWithGlobals<Options>(), io));
}

async function invoke(target: Target, options: Options, io: Io): Promise<void> {
  const client = await connect(options, io);
  const sent = await requestOf(options, io);
  const began = performance.now();
  const answer = await client.call(pathOf(target), sent);
  if (options.include) showHead(answer, io);
  const succeeded = answer.statusCode >= 200 && answer.statusCode < 300;
  const body = await passOn(client.read(answer.body), succeeded ? 0 : PROBLEM_MOST_BYTES, io);
  if (options.timing) printStatus(io, timing(performance.now() - began, answer.headers, io));
  if (succeeded || io.signal.aborted) return;
  io.exitCode = 1;
  await explain(answer.statusCode, body, target, client, options, io);
}

async function requestOf(options: Options, io: Io) {
  const { data, header = {} } = options;
  const given = Object.fromEntries(Object.entries(header).map(([name, values]) => [name, [...values]]));
  const method = methodOf(options);
  if (data === undefined) return { method, headers: given };
  const { body, type, length } = await openBody(data, io, "content-type" in given);
  const known = { "content-type": type, ...(length === undefined ? {} : { "content-length": String(length) }) };
  return { method, headers: { ...known, ...given }, body };
}

function showHead({ statusCode, headers }: Dispatcher.ResponseData, io: Io): void {
  printStatus(io, `HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode] ?? ""}`.trimEnd());
  for (const [name, value] of Object.entries(headers))
    for (const each of [value].flat()) printStatus(io, `${name}: ${each}`);
  printStatus(io, "");
}

/** Body to stdout byte for byte; gives its first bytes, `keep` at most. */
async function passOn(body: AsyncIterable<Buffer>, keep: number, io: Io): Promise<Buffer> {
  const kept: Buffer[] = [];
  let bytes = 0;
  let last: number | undefined;
  for await (const piece of body) {
    if (bytes < keep) kept.push(piece.subarray(0, keep - bytes));
    bytes += piece.length;
    last = piece.at(-1) ?? last;
    await write(io, piece);
  }
  // The prompt, and what we say next, begin on a line of their own.
  if (io.stdout.isTTY && last !== undefined && last !== 0x0a) io.stdout.write("\n");
  return Buffer.concat(kept);
}

function timing(totalMs: number, headers: Dispatcher.ResponseData["headers"], io: Io): string {
  const parts = [...String(headers["server-timing"] ?? "").matchAll(/(\w+);dur=([\d.]+)/g)].map(
    ([, name, ms]) => `${name} ${Number(ms).toFixed(1)} ms`,
  );
  const cold = headers["x-cold-start"] === "true" ? " (cold start)" : "";
  return colors(io.stderr, io).dim(
    `total ${totalMs.toFixed(1)} ms${cold}${parts.length > 0 ? `: ${parts.join(", ")}` : ""}`,
  );
}

/** Why the answer is no success, as far as it says. */
async function explain(
  status: number,
  body: Buffer,
  target: Target,
  client: Client,
  options: Options,
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
    `${color.red("error:")} ${endpointKey(target)} answered ${status} ${STATUS_CODES[status] ?? ""}`.trimEnd(),
  );
  if (status >= 500) printStatus(io, `${color.yellow("hint:")} ${logsHint(target)}`);
}

/** Names of what is there for somebody who mistyped; where to read on when the function failed. */
async function withAdvice(problem: FaasError, target: Target, client: Client): Promise<FaasError> {
  const { code, message, extensions, status } = problem;
  if (code === "ENDPOINT_NOT_FOUND" || code === "ORG_NOT_FOUND") {
    const known = await client.endpoints().catch(() => []);
    const suggestion = nearest(endpointKey(target), known.map(endpointKey));
    return suggestion === undefined ? problem : new FaasError(code, message, { extensions: { suggestion } });
  }
  if (status < 500 || code === "SERVER_STOPPING" || code === "NO_CAPACITY") return problem;
  return new FaasError(code, message, { extensions: { hint: logsHint(target), ...extensions } });
}

const logsHint = (target: Target) => `"faas logs ${endpointKey(target)}" shows what the function printed`;
