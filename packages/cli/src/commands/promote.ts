import type { Command } from "commander";
import { parseRef } from "../options/target.ts";
import { type RollbackOptions, rollBack } from "../revisions/roll-back.ts";
import type { Io } from "../terminal/io.ts";
import { outputOption } from "../terminal/output.ts";

export function define(command: Command, io: Io): void {
  command
    .argument("<org/endpoint>", "Endpoint")
    .argument("<revision>", "Revision to serve, or the beginning of its id")
    .option("--no-wait", "Return before the revision serves")
    .addOption(outputOption())
    .action(async (target: string, revision: string) =>
      rollBack(parseRef(target), revision, command.optsWithGlobals<RollbackOptions>(), io),
    );
}
