import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { extname, resolve } from "node:path";
import type { Readable } from "node:stream";
import { endpointKey, FaasError, nearest } from "@faas/core";
import { type Command, InvalidArgumentError } from "commander";
import { Client, problemError, serverUrl } from "../client.ts";
import type { GlobalOptions, Io } from "../io.ts";
import { colors, say, showError } from "../output.ts";
import { parseTarget, type Target } from "../target.ts";

interface Options extends GlobalOptions {
  readonly data?: string;
  readonly method?: string;
  readonly header?: Record<string, string[]>;
  readonly include?: boolean;
  readonly timing?: boolean;
}

const TYPES: Record<string, string> = {
  ".json": "application/json",
  ".txt": "text/plain; charset=utf-8",
  ".csv": "text/csv",
  ".html": "text/html",
  ".xml": "application/xml",
};

export function define(command: Command, io: Io): void {
  command
    .argument("<org/endpoint[/rest]>", "what to call; a query may follow")
    .option("-d, --data <data>", "body: text, @file, or - for standard input")
    .option("-X, --method <method>", "GET, or POST with --data")
    .option("-H, --header <name:value>", "request header; repeated", header)
    .option("-i, --include", "print status and headers of the answer, on stderr")
    .option("--timing", "print how long it took, on stderr")
    .action(async (target: string) => invoke(parseTarget(target), command.optsWithGlobals<Options>(), io));
}

async function invoke(target: Target, options: Options, io: Io): Promise<void> {
  const client = new Client(await serverUrl(options, io), io.signal);
  const { body, type } = await bodyOf(options.data, io);
  const headers = { ...(type === undefined ? {} : { "content-type": type }), ...options.header };
  const method = (options.method ?? (body === undefined ? "GET" : "POST")).toUpperCase();
  const began = performance.now();
  const answer = await client.call(`/${endpointKey(target)}${target.rest}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
  });
  if (options.include) {
    say(io, `HTTP/1.1 ${answer.statusCode}`);
    for (const [name, value] of Object.entries(answer.headers))
      for (const each of [value].flat()) say(io, `${name}: ${each}`);
    say(io, "");
  }
  const failed = answer.statusCode >= 400;
  const seen: Buffer[] = [];
  for await (const piece of answer.body) {
    if (failed && seen.length < 16) seen.push(piece);
    if (!io.stdout.write(piece)) await new Promise((drained) => io.stdout.once("drain", drained));
  }
  if (io.stdout.isTTY) io.stdout.write("\n");
  if (options.timing) say(io, timing(performance.now() - began, answer.headers, io));
  if (!failed) return;
  io.exitCode = 1;
  const problem = problemError(Buffer.concat(seen).toString("utf8"));
  if (!problem)
    return say(io, `${colors(io.stderr, io).red("error:")} ${endpointKey(target)} answered ${answer.statusCode}`);
  showError(await withSuggestion(problem, target, client), io, options.verbose ?? false);
}

function timing(totalMs: number, headers: Readonly<Record<string, string | string[] | undefined>>, io: Io): string {
  const parts = [...String(headers["server-timing"] ?? "").matchAll(/(\w+);dur=([\d.]+)/g)].map(
    ([, name, ms]) => `${name} ${Number(ms).toFixed(1)} ms`,
  );
  const cold = headers["x-cold-start"] === "true" ? " (cold start)" : "";
  return colors(io.stderr, io).dim(
    `total ${totalMs.toFixed(1)} ms${cold}${parts.length > 0 ? `: ${parts.join(", ")}` : ""}`,
  );
}

/** Names of what is there, for somebody who mistyped. */
async function withSuggestion(problem: FaasError, target: Target, client: Client): Promise<FaasError> {
  if (problem.code !== "ENDPOINT_NOT_FOUND" && problem.code !== "ORG_NOT_FOUND") return problem;
  const known = await client.endpoints().catch(() => []);
  const suggestion = nearest(endpointKey(target), known.map(endpointKey));
  return suggestion === undefined
    ? problem
    : new FaasError(problem.code, problem.message, { extensions: { suggestion } });
}

async function bodyOf(data: string | undefined, io: Io): Promise<{ body?: string | Readable; type?: string }> {
  if (data === undefined) return {};
  if (data === "-") return { body: io.stdin, type: "application/octet-stream" };
  if (!data.startsWith("@"))
    return { body: data, type: isJson(data) ? "application/json" : "text/plain; charset=utf-8" };
  const path = resolve(io.cwd, data.slice(1));
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) throw new FaasError("USAGE", `Expected --data ${data} to name a file, and ${path} is none`);
  return { body: createReadStream(path), type: TYPES[extname(path).toLowerCase()] ?? "application/octet-stream" };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function header(text: string, before: Record<string, string[]> = {}): Record<string, string[]> {
  const colon = text.indexOf(":");
  if (colon < 1) throw new InvalidArgumentError(`Expected "Name: value", got "${text}".`);
  const name = text.slice(0, colon).trim().toLowerCase();
  return { ...before, [name]: [...(before[name] ?? []), text.slice(colon + 1).trim()] };
}
