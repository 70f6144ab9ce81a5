import assert from "node:assert/strict";
import { test } from "node:test";
import { endpointSpec, type SettingsInput, withDefaults } from "@faas/core";
import { Endpoints, type LiveEndpoint } from "./endpoints.ts";
import { Scaling } from "./scaling.ts";

/** An endpoint with a replica that is ready, and a clock that the test moves. */
function setUp(settings: SettingsInput): { endpoint: LiveEndpoint; scaled: number[]; after: (ms: number) => void } {
  let now = 1_000_000;
  const scaled: number[] = [];
  const platform = { scale: async (_: unknown, replicas: number) => void scaled.push(replicas) };
  const endpoints = new Endpoints({ platform, log: { warn() {} }, now: () => now });
  const scaling = new Scaling(endpoints, () => now);
  const artifact = { kind: "image", reference: "x" } as const;
  const revision = { id: "r", createdAt: "", artifact, settings: withDefaults(settings) };
  const endpoint = endpoints.put(endpointSpec({ org: "acme", endpoint: "x" }, revision));
  endpoints.wake(endpoint);
  const replicas = [{ id: "1", address: "127.0.0.1:9", ready: true, revision: "r" }];
  endpoints.observe([{ org: "acme", endpoint: "x", revision: "r", replicas }]);
  const after = (ms: number) => {
    for (const end = now + ms; now < end; ) {
      now += 100;
      scaling.look();
    }
  };
  scaling.stop();
  return { endpoint, scaled, after };
}

test("without a request for its idle timeout an endpoint goes to zero", () => {
  const { endpoint, after } = setUp({ idleTimeout: "5m" });
  after(299_000);
  assert.equal(endpoint.desired, 1);
  after(2_000);
  assert.equal(endpoint.desired, 0);
});

test("a request in flight counts as a request", () => {
  const { endpoint, after } = setUp({ idleTimeout: "1s" });
  endpoint.take();
  after(60_000);
  assert.equal(endpoint.desired, 1);
});

test("an endpoint that is being deployed is not idle", () => {
  const { endpoint, after } = setUp({ idleTimeout: "100ms" });
  endpoint.deploying = true;
  after(60_000);
  assert.equal(endpoint.desired, 1);
  endpoint.deploying = false;
  after(1_000);
  assert.equal(endpoint.desired, 0);
});

test("an endpoint that is never idle stays", () => {
  const { endpoint, after } = setUp({ idleTimeout: "never" });
  after(3_600_000);
  assert.equal(endpoint.desired, 1);
});

test("load brings more replicas within seconds, and fewer when it is gone, within bounds", () => {
  const { endpoint, after } = setUp({ concurrency: 2, maxReplicas: 4, idleTimeout: "never" });
  endpoint.take();
  endpoint.take();
  after(3_000);
  assert.equal(endpoint.desired, 2);
  for (let i = 0; i < 20; i++) endpoint.wait({ previous: undefined, next: undefined, granted() {}, refused() {} });
  after(3_000);
  assert.equal(endpoint.desired, 4);
});
