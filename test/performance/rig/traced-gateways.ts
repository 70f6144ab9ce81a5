import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type EndpointSpec, endpointSpec, withDefaults } from "@faas/core";
import { createGateway, createHttpServer, EndpointRegistry, openTracing } from "@faas/gateway";

/*
 * Three gateways in one process, to the same replica: one without traces, one that records one call in a hundred, and one that records all. Its arguments are
 * the replica's address and the endpoint for spans; it sends the ports when they listen.
 */

const [address = "", endpointForSpans = ""] = process.argv.slice(2);
const ref = { org: "acme", endpoint: "hello" };
const log = { warn: (_: object, text: string) => process.stderr.write(`${text}\n`) };

const registry = new EndpointRegistry<EndpointSpec>({ log });
const artifact = { kind: "bundle", digest: `sha256:${"0".repeat(64)}` } as const;
const endpoint = registry.put(
  endpointSpec(ref, { id: "one", createdAt: "", artifact, settings: withDefaults({ concurrency: 80 }) }),
);
const replicas = [{ id: "hello-1", address, ready: true, revision: "one" }];
registry.observeRemote(endpoint, 1, { ...ref, revision: "one", replicas });

/** Starts a gateway. @param ratio share of calls that are recorded; undefined: nothing is traced */
async function start(ratio: number | undefined): Promise<number> {
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
  const server = createHttpServer(
    (_, response) => response.end(),
    createGateway({ endpoints: registry, tracing: tracing?.calls }),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

const ports = [await start(undefined), await start(0.01), await start(1)];
process.on("disconnect", () => process.exit());
process.send?.(ports);
