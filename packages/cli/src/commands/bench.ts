import type { Command } from "commander";
import { Client, serverUrl } from "../client.ts";
import type { GlobalOptions, Io } from "../io.ts";
import { type OutputFormat, outputOption, print } from "../output.ts";
import { addRequestOptions, methodOf, type RequestOptions, readBody } from "../request-options.ts";
import { whole } from "../settings-options.ts";
import { parseTarget, pathOf } from "../target.ts";

interface Options extends GlobalOptions, RequestOptions {
  readonly threads: number;
  readonly iterations: number;
  readonly output: OutputFormat;
}

export function define(command: Command, io: Io): void {
  command
    .argument("<org/endpoint[/rest]>", "what to call; a query may follow")
    .option("--threads <n>", "clients that each send one request after the other", whole(1, 1000), 10)
    .option("--iterations <n>", "requests of each client", whole(1, 1_000_000), 30);
  addRequestOptions(command);
  command
    .addOption(outputOption())
    .addHelpText(
      "after",
      "\nExit code 1 when an answer failed. Ctrl-C ends it, and shows what was measured until then.",
    )
    .action(async (target: string) => bench(target, command.optsWithGlobals<Options>(), io));
}

async function bench(text: string, options: Options, io: Io): Promise<void> {
  const target = parseTarget(text);
  const client = new Client(await serverUrl(options, io), io.signal);
  // A mistyped name should be an error at once, not a row of 404s.
  await client.endpoint(target);
  const { data, header = {}, threads, iterations } = options;
  const { body, type } = data === undefined ? {} : await readBody(data, io);
  const given = Object.fromEntries(Object.entries(header).map(([name, values]) => [name, values.join(", ")]));
  const { formatSummary, runClosedLoop, summarize, textHistogram } = await import("@faas/bench");
  const run = await runClosedLoop({
    url: client.url + pathOf(target),
    method: methodOf(options),
    headers: { ...(type === undefined ? {} : { "content-type": type }), ...given },
    ...(body === undefined ? {} : { body }),
    threads,
    iterations,
    signal: io.signal,
    onProgress: percent(io),
  });
  const summary = summarize(run);
  if (Object.keys(summary.errors).length > 0) io.exitCode = 1;
  const width = Math.min(100, io.stdout.columns ?? 80);
  await print(summary, options.output, io, (value) => `${formatSummary(value)}\n${textHistogram(run, { width })}`);
}

/** How far it is, on a terminal; gone at the end. */
function percent(io: Io): (done: number, total: number) => void {
  if (!io.stderr.isTTY) return () => {};
  let shown = -1;
  return (done, total) => {
    const now = Math.floor((done / total) * 100);
    if (now === shown) return;
    shown = now;
    io.stderr.write(now === 100 ? "\r    \r" : `\r${now}%`);
  };
}
