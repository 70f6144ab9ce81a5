import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { type EndpointSpec, endpointSpec, withDefaults } from "@faas/core";
import { createGateway, createHttpServer, EndpointRegistry, type Gateway, openTracing } from "@faas/gateway";

/*
 * A server whose calls are forwarded to the same replica by one of three gateways: one without traces, one that records one call in a hundred, and one that
 * records all. They take turns of milliseconds, so that changes of the machine's speed meet all alike. Its arguments are the replica's address, the endpoint
 * for spans, and the replica's process id. It sends the port when it listens, and for each `Comparison` the result.
 */

/** Request to compare two gateways for a while. */
export interface Comparison {
  readonly sides: readonly [Side, Side];
  /** Length of a turn. */
  readonly turnMs: number;
  readonly forMs: number;
}

/** CPU time of this process and of the replica's main thread, and calls, of each of two gateways. */
export type Compared = readonly { readonly micros: number; readonly calls: number }[];

/** Share of the calls that is recorded; undefined: nothing is traced. */
const RATIOS = { off: undefined, one: 0.01, all: 1 } as const;
export type Side = keyof typeof RATIOS;

const [address = "", endpointForSpans = "", replicaPid = ""] = process.argv.slice(2);
const ref = { org: "acme", endpoint: "hello" };
const log = { warn: (_: object, text: string) => process.stderr.write(`${text}\n`) };

const registry = new EndpointRegistry<EndpointSpec>({ log });
const artifact = { kind: "bundle", digest: `sha256:${"0".repeat(64)}` } as const;
const endpoint = registry.put(
  endpointSpec(ref, { id: "one", createdAt: "", artifact, settings: withDefaults({ concurrency: 80 }) }),
);
const replicas = [{ id: "hello-1", address, ready: true, revision: "one" }];
registry.observeRemote(endpoint, 1, { ...ref, revision: "one", replicas });

async function gatewayWith(ratio: number | undefined): Promise<Gateway> {
  const env =
    ratio === undefined
      ? {}
      : {
          OTEL_EXPORTER_OTLP_ENDPOINT: endpointForSpans,
          OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
          OTEL_TRACES_SAMPLER_ARG: String(ratio),
          // None are dropped: that would cost less.
          OTEL_BSP_MAX_QUEUE_SIZE: "1000000",
        };
  const tracing = await openTracing(env, { service: "faas", version: "0" }, log);
  return createGateway({ endpoints: registry, tracing: tracing?.calls });
}

const gateways = {
  off: await gatewayWith(RATIOS.off),
  one: await gatewayWith(RATIOS.one),
  all: await gatewayWith(RATIOS.all),
};
let present: Side = "off";
let calls = 0;
const server = createHttpServer((_, response) => response.end(), {
  ...gateways.off,
  request(client, key) {
    calls++;
    return gateways[present].request(client, key);
  },
});
server.listen(0, "127.0.0.1");
await once(server, "listening");

/** Returns microseconds. */
function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  const replica = readFileSync(`/proc/${replicaPid}/schedstat`, "latin1");
  return user + system + Number(replica.split(" ", 1)[0]) / 1000;
}

async function compare({ sides, turnMs, forMs }: Comparison): Promise<Compared> {
  const sums = sides.map(() => ({ micros: 0, calls: 0 }));
  const end = performance.now() + forMs;
  for (let turn = 0; performance.now() < end || turn % 4 !== 0; turn++) {
    // Order: one, other, other, one. Neither gains by a steady change of speed.
    const index = ((turn >> 1) ^ turn) & 1;
    present = sides[index] as Side;
    const before = { micros: cpuMicros(), calls };
    await delay(turnMs);
    const sum = sums[index] as (typeof sums)[number];
    sum.micros += cpuMicros() - before.micros;
    sum.calls += calls - before.calls;
  }
  return sums;
}

process.on("message", async (comparison: Comparison) => process.send?.(await compare(comparison)));
process.on("disconnect", () => process.exit());
process.send?.((server.address() as AddressInfo).port);
