import { DEFAULT_PORT } from "@faas/core";
import type { Command } from "commander";
import { serverUrl } from "../client.ts";
import { dataFolder } from "../data-folder.ts";
import {
  type Check,
  checkDataFolder,
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
    .option("--data <dir>", "data folder of the server (or FAAS_DATA; default ~/.local/share/faas)")
    .addOption(outputOption())
    .action(async () => doctor(command.optsWithGlobals<Options>(), io));
}

async function doctor(options: Options, io: Io): Promise<void> {
  const url = await serverUrl(options, io);
  const named = options.server !== undefined || io.env.FAAS_SERVER !== undefined;
  const server = checkServer(url, named, version);
  const isUp = (await server).status === "ok";
  const checks = await Promise.all([
    checkNode(),
    checkNpm(),
    checkPython(),
    checkDataFolder(dataFolder(options.data, io.env as NodeJS.ProcessEnv)),
    // A server of ours that answers has the port.
    ...(isUp ? [] : [checkPort("127.0.0.1", DEFAULT_PORT)]),
    server,
  ]);
  await print(checks, options.output, io, (all) => table(all, io));
  if (checks.some(({ status }) => status === "missing")) io.exitCode = 1;
}

function table(checks: readonly Check[], io: Io): string {
  const color = colors(io.stdout, io);
  const marks = { ok: color.green("ok     "), warning: color.yellow("warning"), missing: color.red("missing") };
  return checks
    .map(
      ({ name, status, found, advice }) =>
        `${marks[status]}  ${name.padEnd(12)} ${found}${advice === undefined ? "" : `\n${" ".repeat(22)}${advice}`}\n`,
    )
    .join("");
}
