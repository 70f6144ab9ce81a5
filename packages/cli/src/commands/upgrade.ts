import type { Command } from "commander";
import { addInstallOptions, type InstallOptions } from "../install/options.ts";
import { runInstall } from "../install/run.ts";
import type { Io } from "../terminal/io.ts";

export function define(command: Command, io: Io): void {
  addInstallOptions(command).action(async () => runInstall(command.optsWithGlobals<InstallOptions>(), io, true));
}
