import { type EndpointStats, endpointKey, parseDuration, STATS_WINDOW_MS, type Stats } from "@faas/core";
import type { Command } from "commander";
import { connect } from "../client/connect.ts";
import { checkOrg } from "../options/target.ts";
import { parsedOption } from "../options/value-parsers.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { columns, type OutputFormat, outputOption, print, printStatus } from "../terminal/output.ts";

interface Options extends GlobalOptions {
  readonly since: string;
  readonly output: OutputFormat;
}

export function define(command: Command, io: Io): void {
  command
    .argument("[org]", "Only the endpoints of this organization")
    .option(
      "--since <duration>",
      "Count calls of the last minutes, in steps of five; at most 1h",
      parsedOption(recentDuration, "a duration of at most 1h such as 5m"),
      "1h",
    )
    .addOption(outputOption())
    .addHelpText(
      "after",
      "\nErrors are calls with a status of 500 or higher. P50 and P95 are durations in milliseconds, from the arrival of a call to the end of its response.",
    )
    .action(async (org: string | undefined) => stats(org, command.optsWithGlobals<Options>(), io));
}

async function stats(org: string | undefined, { since, output, ...options }: Options, io: Io): Promise<void> {
  if (org !== undefined) checkOrg(org);
  const found = await (await connect(options, io)).stats(org, since);
  const endpoints = found.endpoints.toSorted((a, b) => (endpointKey(a) < endpointKey(b) ? -1 : 1));
  if (endpoints.length === 0 && output === "table")
    return printStatus(io, 'No endpoints yet. Create one with "faas deploy".');
  await print({ ...found, endpoints }, output, io, table);
  if (output === "table") printStatus(io, `Calls since ${found.since}`);
}

function table({ endpoints }: Stats): string {
  const rows = endpoints.flatMap(({ org, endpoint, revisions = [], ...all }: EndpointStats) => [
    [org, endpoint, ...figures(all)],
    ...revisions.map(({ revision, ...each }) => ["", `  ${revision}`, ...figures(each)]),
  ]);
  return columns(["ORG", "ENDPOINT", "REQUESTS", "ERRORS", "P50", "P95", "COLD", "LIVE"], rows);
}

type Figures = Omit<EndpointStats, "org" | "endpoint" | "revisions">;

const figures = ({ requests, errors, p50Ms, p95Ms, coldStarts, live }: Figures) => [
  ...[String(requests), String(errors), milliseconds(p50Ms), milliseconds(p95Ms)],
  ...[String(coldStarts), String(live)],
];

const milliseconds = (ms: number | undefined) => (ms === undefined ? "-" : String(Number(ms.toPrecision(3))));

function recentDuration(text: string): number | undefined {
  const ms = parseDuration(text);
  return ms !== undefined && ms <= STATS_WINDOW_MS ? ms : undefined;
}
