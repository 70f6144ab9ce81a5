import { FaasError } from "@faas/core";
import type { Command } from "commander";
import { formatStages, measureColdStarts } from "../bench/cold-starts.ts";
import { type CompareOptions, compareFiles } from "../bench/compare.ts";
import { runTargets } from "../bench/load.ts";
import { addBenchOptions, type BenchOptions } from "../bench/options.ts";
import { runOriginalSuite } from "../bench/original-suite.ts";
import { reportRuns } from "../bench/report.ts";
import { type BenchTarget, endpointTarget, urlTarget } from "../bench/target.ts";
import type { Client } from "../client/client.ts";
import { connect } from "../client/connect.ts";
import type { Io } from "../terminal/io.ts";

export function define(command: Command, io: Io): void {
  command.argument("[org/endpoint[/rest]]", "Endpoint to call, with path and query");
  addBenchOptions(command)
    .addHelpText("after", "\nExit code 1 when a request failed. Ctrl-C ends it and shows the results until then.")
    .action(async (target: string | undefined) => bench(target, command.optsWithGlobals<BenchOptions>(), io));
  defineCompare(command.command("compare"), io);
}

async function bench(text: string | undefined, options: BenchOptions, io: Io): Promise<void> {
  if ((text === undefined) === (options.target === undefined))
    throw new FaasError("USAGE", "Expected either ORG/ENDPOINT or a URL with the `--target` option");
  const client = await connect(options, io);
  if (options.cold !== undefined) {
    const { run, starts } = await measureColdStarts(client, text as string, options.cold, options, io);
    await reportRuns([run], options, io, starts.length > 0 ? `\n${formatStages(starts)}` : "");
    return;
  }
  const runs = options.suite
    ? await runOriginalSuite(client, text as string, options, io)
    : await runTargets(await findTargets(client, text, options, io), options, io);
  await reportRuns(runs, options, io);
}

async function findTargets(
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

function defineCompare(command: Command, io: Io): void {
  command
    .description("Compare two results of --report")
    .argument("<before.json>", "A result.json")
    .argument("<after.json>", "Another result.json")
    .option(
      "--fail-if <bound>",
      "Exit with 1 when it is true, such as p99>+20%, rate<-10% or p99>250ms; repeatable",
      (text: string, previous: string[] = []) => [...previous, text],
    )
    .action(async (before: string, after: string) =>
      compareFiles(before, after, command.optsWithGlobals<CompareOptions>(), io),
    );
}
