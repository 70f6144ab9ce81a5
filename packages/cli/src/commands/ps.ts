import { type EndpointView, endpointKey, type ReplicaView } from "@faas/core";
import type { Command } from "commander";
import type { Client } from "../client/client.ts";
import { connect } from "../client/connect.ts";
import { checkOrg, parseRef } from "../options/target.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { columns, type OutputFormat, outputOption, print, printStatus } from "../terminal/output.ts";

interface Options extends GlobalOptions {
  readonly output: OutputFormat;
}

/** Replica with the endpoint that it belongs to. */
type Process = ReplicaView & Pick<EndpointView, "org" | "endpoint">;

export function define(command: Command, io: Io): void {
  command
    .argument("[org[/endpoint]]", "Only the replicas of this organization or endpoint")
    .addOption(outputOption())
    .action(async (target: string | undefined) => ps(target, command.optsWithGlobals<Options>(), io));
}

async function ps(target: string | undefined, options: Options, io: Io): Promise<void> {
  const select = selection(target);
  const endpoints = (await select(await connect(options, io))).toSorted((a, b) =>
    endpointKey(a) < endpointKey(b) ? -1 : 1,
  );
  const processes = endpoints.flatMap(({ org, endpoint, replicas, otherReplicas = [] }) =>
    [...replicas, ...otherReplicas].map((replica): Process => ({ org, endpoint, ...replica })),
  );
  if (processes.length === 0 && options.output === "table")
    return printStatus(io, "No replicas are running. An idle endpoint starts one on its next request.");
  await print(processes, options.output, io, table);
}

/**
 * Returns the request for the endpoints that an argument names.
 *
 * @throws USAGE
 */
function selection(target: string | undefined): (client: Client) => Promise<readonly EndpointView[]> {
  if (target === undefined) return (client) => client.endpoints();
  if (target.includes("/")) {
    const ref = parseRef(target);
    return async (client) => [await client.endpoint(ref)];
  }
  checkOrg(target);
  return (client) => client.endpoints(target);
}

function table(processes: readonly Process[]): string {
  const rows = processes.map(({ org, endpoint, id, ready, revision, inFlight, cpuMillis }) => [
    ...[org, endpoint, id, ready ? "yes" : "no", revision, String(inFlight)],
    cpuMillis === undefined ? "" : `${cpuMillis}m`,
  ]);
  return columns(["ORG", "ENDPOINT", "REPLICA", "READY", "REVISION", "IN FLIGHT", "CPU LIMIT"], rows);
}
