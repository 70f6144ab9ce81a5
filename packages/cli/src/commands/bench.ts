import { endpointKey } from "@faas/core";
import { type Command, InvalidArgumentError } from "commander";
import { Client, serverUrl } from "../client.ts";
import type { GlobalOptions, Io } from "../io.ts";
import { type OutputFormat, outputOption, print } from "../output.ts";
import { whole } from "../settings-options.ts";
import { parseTarget } from "../target.ts";

interface Options extends GlobalOptions {
  readonly threads: number;
  readonly iterations: number;
  readonly data?: string;
  readonly method?: string;
  readonly header?: Record<string, string>;
  readonly output: OutputFormat;
}

export function define(command: Command, io: Io): void {
  command
    .argument("<org/endpoint[/rest]>")
    .option("--threads <n>", "clients that each send one request after the other", whole(1, 1000), 10)
    .option("--iterations <n>", "requests of each client", whole(1, 1_000_000), 30)
    .option("-d, --data <json>", "body, sent as JSON")
    .option("-X, --method <method>", "GET, or POST with --data")
    .option("-H, --header <name:value>", "request header; repeated", header)
    .addOption(outputOption())
    .action(async (target: string) => bench(target, command.optsWithGlobals<Options>(), io));
}

async function bench(text: string, options: Options, io: Io): Promise<void> {
  const target = parseTarget(text);
  const client = new Client(await serverUrl(options, io), io.signal);
  // A mistyped name should be an error at once, not a row of 404s.
  await client.endpoint(target);
  const { formatSummary, runClosedLoop, summarize, textHistogram } = await import("@faas/bench");
  const { threads, iterations, data, method, header = {} } = options;
  const run = await runClosedLoop({
    url: `${client.url}/${endpointKey(target)}${target.rest}`,
    ...(method === undefined ? {} : { method: method.toUpperCase() }),
    headers: { ...(data === undefined ? {} : { "content-type": "application/json" }), ...header },
    ...(data === undefined ? {} : { body: data }),
    threads,
    iterations,
    signal: io.signal,
    ...(io.stderr.isTTY
      ? { onProgress: (done: number, total: number) => void io.stderr.write(`\r${done}/${total}\r`) }
      : {}),
  });
  const summary = summarize(run);
  if (Object.keys(summary.errors).length > 0) io.exitCode = 1;
  await print(
    summary,
    options.output,
    io,
    (value) => `${formatSummary(value)}\n${textHistogram(run, { width: Math.min(100, io.stdout.columns ?? 80) })}`,
  );
}

function header(text: string, before: Record<string, string> = {}): Record<string, string> {
  const colon = text.indexOf(":");
  if (colon < 1) throw new InvalidArgumentError(`Expected "Name: value", got "${text}".`);
  return { ...before, [text.slice(0, colon).trim().toLowerCase()]: text.slice(colon + 1).trim() };
}
