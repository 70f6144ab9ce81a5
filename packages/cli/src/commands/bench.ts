import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { NamedRun, Result } from "@faas/bench";
import { FaasError, parseDuration } from "@faas/core";
import { type Command, InvalidArgumentError, Option } from "commander";
import { formatStages, runCold } from "../bench/cold.ts";
import { type BenchTarget, endpointTarget, runAll, urlTarget } from "../bench/run.ts";
import { runSuite } from "../bench/suite.ts";
import { type Client, connect } from "../client/client.ts";
import { addRequestOptions, type RequestOptions } from "../options/request-options.ts";
import { integerOption, parsedOption } from "../options/settings-options.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { type OutputFormat, outputOption, print, printStatus } from "../terminal/output.ts";

export interface BenchOptions extends GlobalOptions, RequestOptions {
  readonly threads: number;
  readonly iterations: number;
  readonly rate?: number;
  readonly duration: string;
  readonly arrivals: "fixed" | "poisson";
  readonly warmup: number;
  readonly target?: string;
  readonly vs?: string;
  readonly suite?: "original";
  readonly cold?: number;
  readonly report?: string;
  readonly output: OutputFormat;
}

export function define(command: Command, io: Io): void {
  command
    .argument("[org/endpoint[/rest]]", "what to call; a query may follow")
    .option("--threads <n>", "clients that each send one request after the other", integerOption(1, 1000), 10)
    .option("--iterations <n>", "requests of each client", integerOption(1, 1_000_000), 30)
    .addOption(
      new Option("--rate <n>", "requests per second instead, whether those before were answered or not")
        .argParser(positive)
        .conflicts(["threads", "iterations", "suite"]),
    )
    .option(
      "--duration <duration>",
      "how long, with --rate",
      parsedOption(parseDuration, "a duration such as 30s"),
      "30s",
    )
    .addOption(
      new Option("--arrivals <kind>", "how they come, with --rate").choices(["fixed", "poisson"]).default("fixed"),
    )
    .option("--warmup <n>", "requests before those that count", integerOption(0, 1_000_000), 0)
    .option("--target <url>", "call this URL, of any system, and not an endpoint", url)
    .option("--vs <url>", "call this URL too, in turn with the other: its runs stand beside", url)
    .addOption(
      new Option("--suite <name>", "the original system's experiments: changes the endpoint's scaling meanwhile")
        .choices(["original"])
        .conflicts(["target", "vs", "threads", "iterations"]),
    )
    .addOption(
      new Option("--cold <n>", "so many cold starts, and how long each stage of them takes; it goes idle in between")
        .argParser(integerOption(1, 1000))
        .conflicts(["target", "vs", "threads", "iterations", "rate", "suite", "warmup"]),
    )
    .option("--report <dir>", "write report.html, result.json and the pictures as SVG and PNG there");
  addRequestOptions(command);
  command
    .addOption(outputOption())
    .addHelpText(
      "after",
      "\nExit code 1 when an answer failed. Ctrl-C ends it, and shows what was measured until then.",
    )
    .action(async (target: string | undefined) => bench(target, command.optsWithGlobals<BenchOptions>(), io));
  defineCompare(command.command("compare"), io);
}

async function bench(text: string | undefined, options: BenchOptions, io: Io): Promise<void> {
  if ((text === undefined) === (options.target === undefined))
    throw new FaasError("USAGE", "Expected ORG/ENDPOINT, or a URL with the `--target` option: one of them");
  const client = await connect(options, io);
  if (options.cold !== undefined) {
    const { named, starts } = await runCold(client, text as string, options.cold, options, io);
    await report([named], options, io, starts.length > 0 ? `\n${formatStages(starts)}` : "");
    return;
  }
  const runs = options.suite
    ? await runSuite(client, text as string, options, io)
    : await runAll(await targets(client, text, options, io), options, io);
  await report(runs, options, io);
}

async function targets(
  client: Client,
  text: string | undefined,
  options: BenchOptions,
  io: Io,
): Promise<BenchTarget[]> {
  const first =
    text === undefined
      ? await urlTarget(options.target as string, options, io)
      : await endpointTarget(client, text, options, io);
  return options.vs === undefined ? [first] : [first, await urlTarget(options.vs, options, io)];
}

/** @param more that follows on a terminal, and wherever people read */
async function report(runs: readonly NamedRun[], options: BenchOptions, io: Io, more = ""): Promise<void> {
  const { formatSummary, resultOf, textHistogram, writeReport } = await import("@faas/bench");
  const result = resultOf(runs, new Date());
  if (result.runs.some(({ summary }) => Object.keys(summary.errors).length > 0)) io.exitCode = 1;
  const width = Math.min(100, io.stdout.columns ?? 80);
  const data =
    result.runs.length === 1
      ? result.runs[0]?.summary
      : Object.fromEntries(result.runs.map((run) => [run.name, run.summary]));
  await print(
    data,
    options.output,
    io,
    () =>
      `${result.runs
        .map(({ name, summary, requests }) => {
          const head = result.runs.length > 1 ? `${name}\n` : "";
          return `${head}${formatSummary(summary)}\n${textHistogram(requests, { width })}`;
        })
        .join("\n")}${more}`,
  );
  for (const warning of warnings(result)) printStatus(io, `warning: ${warning}`);
  if (options.report === undefined) return;
  const dir = resolve(io.cwd, options.report);
  const names = await writeReport(dir, result);
  printStatus(io, `Report: ${resolve(dir, names.find((name) => name.endsWith(".html")) ?? "")}`);
}

/** A shorter run is busy with its own start. */
const JUDGED_MS = 2_000;

/** A generator that has no time left measures itself. */
function* warnings({ runs }: Result): Iterable<string> {
  for (const { name, busy, durationMs } of runs)
    if (busy > 0.9 && durationMs > JUDGED_MS)
      yield `${name}: this client was busy ${Math.round(busy * 100)}% of the time, so its own speed is part of what was measured`;
}

function defineCompare(command: Command, io: Io): void {
  command
    .description("set two result.json of --report side by side")
    .argument("<before.json>", "a result.json")
    .argument("<after.json>", "another one")
    .option("--fail-if <bound>", "exit 1 when it holds, such as p99>+20% or rate<-10% or p99>250ms; repeated", bound)
    .action(async (before: string, after: string) =>
      compare(before, after, command.optsWithGlobals<{ failIf?: string[]; output: OutputFormat }>(), io),
    );
}

async function compare(
  before: string,
  after: string,
  { failIf = [], output }: { readonly failIf?: readonly string[]; readonly output: OutputFormat },
  io: Io,
): Promise<void> {
  const { broken, compareResults, formatComparison, measures, parseBound } = await import("@faas/bench");
  const bounds = failIf.map((text) => {
    const parsed = parseBound(text);
    if (parsed) return parsed;
    throw new FaasError(
      "USAGE",
      `Expected the \`--fail-if\` option to be a measure (${measures.join(", ")}), > or <, and +20% or a value such as 250ms, got "${text}"`,
    );
  });
  const compared = compareResults(await readResult(before, io), await readResult(after, io));
  if (compared.length === 0)
    throw new FaasError("USAGE", "Expected both results to have a run of the same name, and they have none");
  await print(compared, output, io, formatComparison);
  for (const each of bounds) {
    for (const { run, measure } of broken(compared, each)) {
      printStatus(io, `${run}: ${measure} is not within ${each.text}`);
      io.exitCode = 1;
    }
  }
}

async function readResult(name: string, io: Io) {
  const { parseResult } = await import("@faas/bench");
  const path = resolve(io.cwd, name);
  try {
    return parseResult(await readFile(path, "utf8"));
  } catch (error) {
    throw new FaasError(
      "USAGE",
      `Expected ${path} to be a result.json of \`faas bench --report\`: ${(error as Error).message}`,
    );
  }
}

const bound = (text: string, before: string[] = []): string[] => [...before, text];

function positive(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value <= 0 || value > 100_000)
    throw new InvalidArgumentError(`requests per second, more than 0 and at most 100000, got "${text}"`);
  return value;
}

function url(text: string): string {
  if (/^https?:$/.test(URL.parse(text)?.protocol ?? "")) return text;
  throw new InvalidArgumentError(`a URL such as http://127.0.0.1:8080/, got "${text}"`);
}
