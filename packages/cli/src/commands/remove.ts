import { endpointKey, FaasError } from "@faas/core";
import type { Command } from "commander";
import { connect } from "../client/connect.ts";
import { removeOrg } from "../client/remove-org.ts";
import { parseRef } from "../options/target.ts";
import { checkCanConfirm, confirm, YES_DESCRIPTION } from "../terminal/confirm.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { printStatus } from "../terminal/output.ts";

interface Options extends GlobalOptions {
  readonly all?: boolean;
  readonly yes?: boolean;
}

export function define(command: Command, io: Io): void {
  command
    .argument("<org/endpoint>", "Endpoint, or organization with --all")
    .option("--all", "Remove the whole organization with all its endpoints")
    .option("-y, --yes", YES_DESCRIPTION)
    .action(async (target: string) => remove(target, command.optsWithGlobals<Options>(), io));
}

async function remove(target: string, options: Options, io: Io): Promise<void> {
  checkCanConfirm(options, io);
  if (options.all) return removeOrg(target, options, io);
  if (!target.includes("/")) throw new FaasError("USAGE", `Expected ORG/ENDPOINT, or ORG with --all, got "${target}"`);
  const ref = parseRef(target);
  const client = await connect(options, io);
  await client.endpoint(ref);
  if (!(await confirm(`Remove ${endpointKey(ref)} with its logs?`, options, io))) return;
  await client.removeEndpoint(ref);
  printStatus(io, `Removed ${endpointKey(ref)}.`);
}
