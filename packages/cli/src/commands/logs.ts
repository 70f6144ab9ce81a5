import {
  isStatusList,
  LOG_LEVELS,
  type LogFilter,
  type LogLevel,
  type LogLine,
  lineMatcher,
  parseDuration,
} from "@faas/core";
import { type Command, InvalidArgumentError, Option } from "commander";
import { connect } from "../client/connect.ts";
import { parseRef } from "../options/target.ts";
import { integerOption, parsedOption } from "../options/value-parsers.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { colors, write } from "../terminal/output.ts";

interface Options extends GlobalOptions {
  readonly follow?: boolean;
  readonly tail?: number;
  readonly since?: string;
  readonly replica?: string;
  readonly grep?: string;
  readonly status?: string;
  readonly requestId?: string;
  readonly level?: LogLevel;
  readonly access: boolean;
  readonly timestamps?: boolean;
  readonly output: "text" | "json";
}

export function define(command: Command, io: Io): void {
  command
    .argument("<org/endpoint>", "Endpoint whose output and calls to show")
    .option("-f, --follow", "Follow new lines, across replicas and revisions, until Ctrl-C")
    .option("--tail <n>", "Show at most N past lines", integerOption(0, 1_000_000))
    .option(
      "--since <duration>",
      "Show only lines newer than a duration",
      parsedOption(parseDuration, "a duration such as 30s or 5m"),
    )
    .option("--replica <id>", "Show only lines of this replica")
    .option("--grep <text>", "Show only lines that contain a text, in upper or lower case")
    .option("--status <statuses>", "Show only calls with these statuses, such as 404 or 4xx,503", statusOption)
    .option("--request-id <id>", "Show only lines of the call with this X-Request-Id")
    .addOption(
      new Option("--level <level>", "Show only lines of at least this level; for a call its status decides").choices(
        LOG_LEVELS,
      ),
    )
    .option("--no-access", "Show only what the function printed, without a line for each call")
    .option("--timestamps", "Print time and replica before each line")
    .addOption(
      new Option("-o, --output <format>", "Output format; json is one object per line")
        .choices(["text", "json"])
        .default("text"),
    )
    .action(async (target: string) => logs(target, command.optsWithGlobals<Options>(), io));
}

async function logs(target: string, options: Options, io: Io): Promise<void> {
  const ref = parseRef(target);
  const client = await connect(options, io);
  const { follow, tail, since, replica, access } = options;
  const { grep, status, requestId, level }: LogFilter = options;
  const query = Object.entries({ follow, tail, since, replica, access, grep, status, requestId, level }).flatMap(
    ([name, value]) => (value === undefined ? [] : [[name, String(value)]]),
  );
  const format = options.output === "json" ? (line: LogLine) => `${JSON.stringify(line)}\n` : formatter(options, io);
  // A server of an earlier version ignores the conditions that it does not know.
  const matches = lineMatcher({ grep, status, requestId, level });
  for await (const line of client.logs(ref, Object.fromEntries(query)))
    if (matches(line)) await write(io, format(line));
}

/** Returns a function that formats a line for people: lines of calls are dimmed, printed ones unchanged. */
function formatter({ timestamps }: Options, io: Io): (line: LogLine) => string {
  const { dim } = colors(io.stdout, io);
  return ({ time, replica, stream, line }) => {
    const text = stream === "access" ? dim(line) : line;
    return timestamps ? `${dim(`${time} ${replica || "-"}`)} ${text}\n` : `${text}\n`;
  };
}

function statusOption(text: string): string {
  if (!isStatusList(text)) throw new InvalidArgumentError(`statuses such as 404 or 4xx,503, got "${text}"`);
  return text;
}
