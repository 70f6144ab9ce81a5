import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { FaasError, type KeyRecord } from "@faas/core";
import type { KeyVerifier } from "../keys/key-verifier.ts";
import { type GatewayRoutesOptions, gatewayRoutes } from "./gateway-routes.ts";

/** Serves the control paths of a gateway; everything that it passes on gets the response "control". */
async function startRoutes(options: Partial<GatewayRoutesOptions> = {}) {
  const server = createServer(
    gatewayRoutes({
      control: (_, response) => response.end("control"),
      notReady: () => undefined,
      metrics: () => "faas_gateway_linked 1\n",
      keys: () => undefined,
      ...options,
    }),
  ).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    /** Sends a request with its path unchanged. */
    async call(path: string, method = "GET") {
      const request = httpRequest({ port, host: "127.0.0.1", path, method, agent: false }).end();
      const [response] = await once(request, "response");
      return { status: response.statusCode, text: (await response.setEncoding("utf8").toArray()).join("") };
    },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

const keyOf = (record: Partial<KeyRecord>): KeyVerifier => ({
  authenticate: () => ({ id: "1", record: { name: "some", scope: "read", ...record } as KeyRecord }),
  signalOf: () => assert.fail(),
});

test("a gateway is ready when it has a view of the endpoints, whether or not the control server is there", async () => {
  let reason: FaasError | undefined = new FaasError("CONTROL_SERVER_AWAY", "no view yet");
  await using routes = await startRoutes({ notReady: () => reason });
  assert.equal((await routes.call("/-/readyz")).status, 503);
  assert.equal((await routes.call("/-/healthz")).status, 200);
  reason = undefined;
  assert.equal((await routes.call("/-/readyz")).status, 200);
});

test("a gateway shows its own metrics to a key that may read the whole server", async () => {
  await using open = await startRoutes();
  assert.deepEqual(await open.call("/-/metrics/gateway"), { status: 200, text: "faas_gateway_linked 1\n" });
  await using reader = await startRoutes({ keys: () => keyOf({ scope: "read" }) });
  assert.equal((await reader.call("/-/metrics/gateway")).status, 200);
  for (const record of [{ scope: "invoke" }, { scope: "admin", org: "acme" }] as const) {
    await using other = await startRoutes({ keys: () => keyOf(record) });
    assert.equal((await other.call("/-/metrics/gateway")).status, 403);
  }
});

test("everything else goes to the control server", async () => {
  await using routes = await startRoutes();
  for (const path of ["/-/metrics", "/-/orgs/acme/endpoints/x/logs?follow", "/add_endpoint", "/-/gatewaysx"])
    assert.equal((await routes.call(path, "POST")).text, "control", path);
});

test("the internal paths of the control server cannot be reached through a gateway", async () => {
  await using routes = await startRoutes();
  const paths = ["/-/gateways/link", "/-/gateways", "/-/Gateways/link?x", "/-/%67ateways/link", "/-//gateways/link"];
  for (const path of [...paths, "http://h/-/gateways/link", "/-/gateways%2flink"])
    assert.notEqual((await routes.call(path)).text, "control", path);
  assert.notEqual((await routes.call("/-/x/../gateways/link")).text, "control");
});

test("a gateway's own paths can only be read", async () => {
  await using routes = await startRoutes();
  assert.equal((await routes.call("/-/healthz", "POST")).status, 405);
  assert.deepEqual(await routes.call("/-/healthz", "HEAD"), { status: 200, text: "" });
});
