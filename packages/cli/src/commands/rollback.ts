import type { Command } from "commander";
import { parseRef } from "../options/target.ts";
import { type RollbackOptions, rollBack } from "../revisions/roll-back.ts";
import type { Io } from "../terminal/io.ts";
import { outputOption } from "../terminal/output.ts";

export function define(command: Command, io: Io): void {
  command
    .argument("<org/endpoint>", "Endpoint")
    .argument("[revision]", "Revision, or the beginning of its id (by default the one that served before)")
    .option("--no-wait", "Return before the revision serves")
    .addOption(outputOption())
    .addHelpText(
      "after",
      "\nThe revision comes back as it was, without a build. `faas revisions` lists those that are kept.",
    )
    .action(async (target: string, revision: string | undefined) =>
      rollBack(parseRef(target), revision, command.optsWithGlobals<RollbackOptions>(), io),
    );
}
