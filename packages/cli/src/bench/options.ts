import { parseDuration } from "@faas/core";
import { type Command, InvalidArgumentError, Option } from "commander";
import { addRequestOptions, type RequestOptions } from "../options/request-options.ts";
import { integerOption, parsedOption } from "../options/value-parsers.ts";
import type { GlobalOptions } from "../terminal/io.ts";
import { type OutputFormat, outputOption } from "../terminal/output.ts";

/** Options of `faas bench`. */
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

/** Adds the options of `faas bench`. */
export function addBenchOptions(command: Command): Command {
  addLoadOptions(command);
  addModeOptions(command);
  command.option("--report <dir>", "Write report.html, result.json and charts (SVG, PNG) to a folder");
  addRequestOptions(command);
  return command.addOption(outputOption());
}

function addLoadOptions(command: Command): void {
  command
    .option("--threads <n>", "Clients that each send one request after another", integerOption(1, 1000), 10)
    .option("--iterations <n>", "Requests per client", integerOption(1, 1_000_000), 30)
    .addOption(
      new Option("--rate <n>", "Send N requests per second instead, without waiting for responses")
        .argParser(positiveRate)
        .conflicts(["threads", "iterations", "suite"]),
    )
    .option(
      "--duration <duration>",
      "Duration of the load, with --rate",
      parsedOption(parseDuration, "a duration such as 30s"),
      "30s",
    )
    .addOption(
      new Option("--arrivals <kind>", "Distribution of the requests, with --rate")
        .choices(["fixed", "poisson"])
        .default("fixed"),
    )
    .option("--warmup <n>", "Requests before the measurement", integerOption(0, 1_000_000), 0);
}

function addModeOptions(command: Command): void {
  command
    .option("--target <url>", "Call any URL instead of an endpoint", httpUrl)
    .option("--vs <url>", "Call a second URL in turn with the first, for comparison", httpUrl)
    .addOption(
      new Option("--suite <name>", "Run the original system's experiments; scaling settings change meanwhile")
        .choices(["original"])
        .conflicts(["target", "vs", "threads", "iterations"]),
    )
    .addOption(
      new Option("--cold <n>", "Measure N cold starts and their stages; the endpoint goes idle in between")
        .argParser(integerOption(1, 1000))
        .conflicts(["target", "vs", "threads", "iterations", "rate", "suite", "warmup"]),
    );
}

function positiveRate(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value <= 0 || value > 100_000)
    throw new InvalidArgumentError(`requests per second, more than 0 and at most 100000, got "${text}"`);
  return value;
}

function httpUrl(text: string): string {
  if (/^https?:$/.test(URL.parse(text)?.protocol ?? "")) return text;
  throw new InvalidArgumentError(`a URL such as http://127.0.0.1:8080/, got "${text}"`);
}
