import { endpointKey, FaasError } from "@faas/core";
import type { Command } from "commander";
import { connect } from "../client/client.ts";
import { removeOrg } from "../client/remove-org.ts";
import { parseRef } from "../options/target.ts";
import { checkCanAsk, confirmed } from "../terminal/confirm.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { printStatus } from "../terminal/output.ts";

interface Options extends GlobalOptions {
  readonly all?: boolean;
  readonly yes?: boolean;
}

export function define(command: Command, io: Io): void {
  command
    .argument("<org/endpoint>", "the endpoint, or with --all the organization")
    .option("--all", "the whole organization, with all of its endpoints")
    .option("-y, --yes", "do not ask")
    .action(async (target: string) => remove(target, command.optsWithGlobals<Options>(), io));
}

async function remove(target: string, options: Options, io: Io): Promise<void> {
  checkCanAsk(options, io);
  if (options.all) return removeOrg(target, options, io);
  if (!target.includes("/")) throw new FaasError("USAGE", `Expected ORG/ENDPOINT, or ORG with --all, got "${target}"`);
  const ref = parseRef(target);
  const client = await connect(options, io);
  await client.endpoint(ref);
  if (!(await confirmed(`Remove ${endpointKey(ref)} with its logs?`, options, io))) return;
  await client.removeEndpoint(ref);
  printStatus(io, `Removed ${endpointKey(ref)}.`);
}
