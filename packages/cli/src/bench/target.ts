import type { Call } from "@faas/bench";
import { endpointKey } from "@faas/core";
import type { Client } from "../client/client.ts";
import { caFor } from "../client/trust.ts";
import { methodOf, readBody } from "../options/request-options.ts";
import { parseTarget, pathOf } from "../options/target.ts";
import type { Io } from "../terminal/io.ts";
import type { BenchOptions } from "./options.ts";

export interface BenchTarget {
  readonly name: string;
  readonly call: Call;
  /** Counts the ready replicas; absent for a URL of another system. */
  readonly countReplicas?: () => Promise<number>;
}

/**
 * Returns an endpoint of the server as a target.
 *
 * @throws ENDPOINT_NOT_FOUND for a mistyped name, instead of a run of 404s
 */
export async function endpointTarget(
  client: Client,
  text: string,
  options: BenchOptions,
  io: Io,
): Promise<BenchTarget> {
  const target = parseTarget(text);
  await client.endpoint(target);
  return {
    name: endpointKey(target),
    call: await callOf(client.url + pathOf(target), options, io, client),
    countReplicas: async () => (await client.endpoint(target)).replicas.filter(({ ready }) => ready).length,
  };
}

/** Returns any URL as a target. */
export async function urlTarget(url: string, options: BenchOptions, io: Io): Promise<BenchTarget> {
  return { name: url, call: await callOf(url, options, io) };
}

async function callOf(url: string, options: BenchOptions, io: Io, client?: Client): Promise<Call> {
  const { data, header = {} } = options;
  const { body, type } = data === undefined ? {} : await readBody(data, io);
  const given = Object.fromEntries(Object.entries(header).map(([name, values]) => [name, values.join(", ")]));
  const ca = client ? client.ca : await caFor(new URL(url).origin, options, io);
  return {
    url,
    ...(ca === undefined ? {} : { ca }),
    method: methodOf(options),
    headers: { ...client?.keyHeaders(given), ...(type === undefined ? {} : { "content-type": type }), ...given },
    ...(body === undefined ? {} : { body }),
  };
}
