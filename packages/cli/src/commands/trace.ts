import { type Call, type CallList, type Calls, callLists, endpointKey, FaasError } from "@faas/core";
import { type Command, Option } from "commander";
import { recentCalls } from "../client/calls.ts";
import { connect } from "../client/connect.ts";
import { integerOption } from "../options/value-parsers.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { colors, columns, type OutputFormat, outputOption, print, printStatus } from "../terminal/output.ts";
import { waterfall } from "../terminal/waterfall.ts";

interface Options extends GlobalOptions {
  readonly list: CallList;
  readonly limit: number;
  readonly output: OutputFormat;
}

const DEFAULT_LIMIT = 20;

export function define(command: Command, io: Io): void {
  command
    .argument("[request-id]", "Id of a call: X-Request-Id of its response; without it, calls are listed")
    .addOption(new Option("--list <calls>", "Calls to list").choices(callLists).default("last"))
    .option("-n, --limit <number>", "Largest number of calls to list", integerOption(1, 1_000), DEFAULT_LIMIT)
    .addOption(outputOption())
    .addHelpText(
      "after",
      "\nThe server keeps the last calls, the slowest of the last hour and the failed ones in memory. Durations are milliseconds.",
    )
    .action(async (requestId: string | undefined) => trace(requestId, command.optsWithGlobals<Options>(), io));
}

async function trace(
  requestId: string | undefined,
  { list, limit, output, ...options }: Options,
  io: Io,
): Promise<void> {
  const client = await connect(options, io);
  const found = await recentCalls(client, requestId === undefined ? { list, limit: String(limit) } : { requestId });
  if (requestId === undefined) {
    if (found.calls.length === 0 && output === "table") return printStatus(io, "No such calls yet.");
    return print(found, output, io, table);
  }
  if (found.calls.length === 0)
    throw new FaasError("NOT_FOUND", `The server has no call with the request id "${requestId}" in memory`, {
      extensions: { hint: `it may be in a log: faas logs ORG/ENDPOINT --request-id ${requestId}` },
    });
  await print(found, output, io, ({ calls }) => calls.map((call) => describe(call, io)).join("\n"));
}

function table({ calls }: Calls): string {
  const rows = calls.map((call) => [
    ...[call.arrived, endpointKey(call), call.method, call.path, String(call.status), call.durationMs.toFixed(1)],
    ...[call.cold ? "yes" : "-", call.requestId],
  ]);
  return columns(["ARRIVED", "ENDPOINT", "METHOD", "PATH", "STATUS", "MS", "COLD", "REQUEST ID"], rows);
}

/** Describes a call: what it was, what served it, and a waterfall of its stages. */
function describe(call: Call, io: Io): string {
  const { bold, dim } = colors(io.stdout, io);
  const { method, path, status, durationMs, arrived, replica, revision, gateway, traceId } = call;
  const served = [
    ...(replica === "" ? ["no replica"] : [`replica ${replica}`, `revision ${revision}`]),
    ...(gateway === undefined ? [] : [`gateway ${gateway}`]),
    ...(traceId === undefined ? [] : [`trace ${traceId}`]),
  ];
  const lines = [
    `${bold(endpointKey(call))} ${method} ${path} ${status} in ${durationMs.toFixed(1)} ms${call.cold ? " (cold start)" : ""}`,
    dim(`${arrived}, ${served.join(", ")}`),
    ...waterfall(call.stages, durationMs, io.stdout.columns ?? 100),
  ];
  return `${lines.join("\n")}\n`;
}
