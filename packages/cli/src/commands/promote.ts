import { type EndpointRef, endpointKey, FaasError, isCanaryActive } from "@faas/core";
import type { Command } from "commander";
import { connect } from "../client/connect.ts";
import { parseRef } from "../options/target.ts";
import { type RollbackOptions, rollBack } from "../revisions/roll-back.ts";
import type { Io } from "../terminal/io.ts";
import { outputOption } from "../terminal/output.ts";

export function define(command: Command, io: Io): void {
  command
    .argument("<org/endpoint>", "Endpoint")
    .argument("[revision]", "Revision to serve, or the beginning of its id (by default that of the canary)")
    .option("--no-wait", "Return before the revision serves")
    .addOption(outputOption())
    .action(async (target: string, revision: string | undefined) => {
      const options = command.optsWithGlobals<RollbackOptions>();
      const ref = parseRef(target);
      await rollBack(ref, revision ?? (await canaryOf(ref, options, io)), options, io);
    });
}

/** Returns the revision that a canary moves the calls to. @throws CANARY_NOT_FOUND */
async function canaryOf(ref: EndpointRef, options: RollbackOptions, io: Io): Promise<string> {
  const { canary } = await (await connect(options, io)).endpoint(ref);
  if (canary && isCanaryActive(canary.state)) return canary.revision;
  const key = endpointKey(ref);
  throw new FaasError(
    "CANARY_NOT_FOUND",
    `${key} has no canary in progress: name the revision to promote. "faas revisions ${key}" lists them`,
  );
}
