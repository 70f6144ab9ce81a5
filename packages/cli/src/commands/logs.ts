import { type LogLine, parseDuration } from "@faas/core";
import type { Command } from "commander";
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
  readonly timestamps?: boolean;
}

export function define(command: Command, io: Io): void {
  command
    .argument("<org/endpoint>", "Endpoint whose output to show")
    .option("-f, --follow", "Follow new lines, across replicas and revisions, until Ctrl-C")
    .option("--tail <n>", "Show at most N past lines", integerOption(0, 1_000_000))
    .option(
      "--since <duration>",
      "Show only lines newer than a duration",
      parsedOption(parseDuration, "a duration such as 30s or 5m"),
    )
    .option("--replica <id>", "Show only lines of this replica")
    .option("--timestamps", "Print time and replica before each line")
    .action(async (target: string) => logs(target, command.optsWithGlobals<Options>(), io));
}

async function logs(target: string, options: Options, io: Io): Promise<void> {
  const ref = parseRef(target);
  const client = await connect(options, io);
  const { follow, tail, since, replica } = options;
  const query = Object.entries({ follow, tail, since, replica }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)]],
  );
  const dim = colors(io.stdout, io).dim;
  const format = ({ time, replica: id, line }: LogLine) =>
    options.timestamps ? `${dim(`${time} ${id}`)} ${line}\n` : `${line}\n`;
  for await (const line of client.logs(ref, Object.fromEntries(query))) await write(io, format(line));
}
