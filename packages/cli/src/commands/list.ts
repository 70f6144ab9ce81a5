import { type EndpointView, endpointKey } from "@faas/core";
import type { Command } from "commander";
import { connect } from "../client/connect.ts";
import { checkOrg } from "../options/target.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { columns, type OutputFormat, outputOption, print, printStatus } from "../terminal/output.ts";

interface Options extends GlobalOptions {
  readonly output: OutputFormat;
}

export function define(command: Command, io: Io): void {
  command
    .argument("[org]", "Only the endpoints of this organization")
    .addOption(outputOption())
    .action(async (org: string | undefined) => list(org, command.optsWithGlobals<Options>(), io));
}

async function list(org: string | undefined, options: Options, io: Io): Promise<void> {
  if (org !== undefined) checkOrg(org);
  const found = await (await connect(options, io)).endpoints(org);
  const endpoints = found.toSorted((a, b) => (endpointKey(a) < endpointKey(b) ? -1 : 1));
  if (endpoints.length === 0 && options.output === "table")
    return printStatus(io, 'No endpoints yet. Create one with "faas deploy".');
  await print(endpoints, options.output, io, table);
}

function table(endpoints: readonly EndpointView[]): string {
  const rows = endpoints.map(({ org, endpoint, phase, revision, replicas, settings, url }) => {
    const ready = replicas.filter((replica) => replica.ready).length;
    return [org, endpoint, phase, `${ready}/${settings.maxReplicas}`, settings.runtime, revision, url];
  });
  return columns(["ORG", "ENDPOINT", "PHASE", "REPLICAS", "RUNTIME", "REVISION", "URL"], rows);
}
