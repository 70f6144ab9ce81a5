import { resolve } from "node:path";
import type { Command } from "commander";
import { writeChart } from "../install/chart.ts";
import { addInstallOptions, type InstallOptions } from "../install/options.ts";
import { runInstall } from "../install/run.ts";
import type { Io } from "../terminal/io.ts";

export function define(command: Command, io: Io): void {
  addInstallOptions(command)
    .option("--chart <folder>", "Write a Helm chart of the objects to a new folder, and change nothing")
    .action(async () => {
      const options = command.optsWithGlobals<InstallOptions>();
      if (options.chart === undefined) await runInstall(options, io, false);
      else await writeChart(resolve(io.cwd, options.chart), io);
    });
}
