import { DEFAULT_PORT } from "@faas/core";
import type { Command } from "commander";
import { DEFAULT_SERVER, serverUrl } from "../client.ts";
import { dataFolder } from "../data-folder.ts";
import {
  type Check,
  checkDataFolder,
  checkDocker,
  checkNode,
  checkNpm,
  checkPort,
  checkPython,
  checkServer,
} from "../doctor-checks.ts";
import type { GlobalOptions, Io } from "../io.ts";
import { colors, type OutputFormat, outputOption, print } from "../output.ts";
import { version } from "../program.ts";

interface Options extends GlobalOptions {
  readonly data?: string;
  readonly output: OutputFormat;
}

export function define(command: Command, io: Io): void {
  command
    .option("--data <dir>", "the server's data folder (or FAAS_DATA; default ~/.local/share/faas)")
    .addOption(outputOption())
    .addHelpText("after", "\nEnds with 1 when something is missing without which nothing works.")
    .action(async () => doctor(command.optsWithGlobals<Options>(), io));
}

async function doctor(options: Options, io: Io): Promise<void> {
  const url = await serverUrl(options, io);
  const named = url !== DEFAULT_SERVER || (options.server ?? io.env.FAAS_SERVER) !== undefined;
  const server = checkServer(url, named, version);
  const checks = await Promise.all([
    checkNode(),
    checkNpm(),
    checkPython(io.env.FAAS_PYTHON),
    checkDocker(io.env),
    checkDataFolder(dataFolder(options.data, io)),
    server.then((found) => portOf(url, found)),
    server,
  ]);
  await print(checks, options.output, io, (all) => table(all, io));
  if (checks.some(({ status }) => status === "missing")) io.exitCode = 1;
}

/** The port that `faas up` takes by default; free, or taken by the server that was found. */
async function portOf(url: string, server: Check): Promise<Check> {
  const isOurs = server.found.startsWith(url) && url === DEFAULT_SERVER;
  if (isOurs) return { name: "port", status: "ok", found: `${DEFAULT_PORT} is the server's` };
  return checkPort("127.0.0.1", DEFAULT_PORT);
}

function table(checks: readonly Check[], io: Io): string {
  const color = colors(io.stdout, io);
  const paint = { ok: color.green, warning: color.yellow, missing: color.red };
  return checks
    .map(({ name, status, found, advice }) => {
      const line = `${paint[status](status.padEnd(8))} ${name.padEnd(12)} ${found}\n`;
      return advice ? `${line}${" ".repeat(22)}${advice}\n` : line;
    })
    .join("");
}
