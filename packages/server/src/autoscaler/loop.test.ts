import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { endpointSpec, type SettingsInput, withDefaults } from "@faas/core";
import { EndpointRegistry } from "../../../gateway/src/endpoints/registry.ts";
import type { ServedEndpoint } from "../../../gateway/src/endpoints/served-endpoint.ts";
import { Autoscaler } from "./loop.ts";

/** An endpoint with a replica that is ready, and a clock that the test moves. */
function setUp(settings: SettingsInput) {
  let now = 1_000_000;
  const scaled: number[] = [];
  const platform = { scale: async (_: unknown, replicas: number) => void scaled.push(replicas) };
  const endpoints = new EndpointRegistry({ platform, log: { warn() {} }, now: () => now });
  const scaling = new Autoscaler(endpoints, () => now);
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
  return { endpoint, endpoints, scaled, after };
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
  endpoint.acquire();
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
  endpoint.acquire();
  endpoint.acquire();
  after(3_000);
  assert.equal(endpoint.desired, 2);
  for (let i = 0; i < 20; i++) endpoint.wait({ previous: undefined, next: undefined, onSlot() {}, onRejected() {} });
  after(3_000);
  assert.equal(endpoint.desired, 4);
});

test("a fixed number is what the settings say, whatever it was before, and is asked for until it is had", () => {
  const { endpoint, endpoints, scaled, after } = setUp({ replicas: 4, scaler: "fixed", idleTimeout: "never" });
  assert.equal(endpoint.desired, 4);
  endpoints.put({ ...endpoint.spec, replicas: 1 });
  assert.equal(endpoint.desired, 1);
  // As after a platform that refused, or a restart in the middle of it.
  endpoint.desired = 2;
  endpoint.deploying = true;
  after(1_000);
  assert.equal(endpoint.desired, 2);
  endpoint.deploying = false;
  after(1_000);
  assert.equal(endpoint.desired, 1);
  const { length } = scaled;
  after(5_000);
  assert.equal(scaled.length, length);
});

/** A request that is answered at once. */
function call(endpoint: ServedEndpoint, now: number): void {
  const replica = endpoint.acquire();
  assert.ok(replica);
  endpoint.release(replica, now);
}

test("auto: five minutes while nothing is known; then gone between requests that come regularly, and back before the next one", (t) => {
  // The clock and the timers are the test's, the rest is as in the server.
  mock.timers.enable({ apis: ["setInterval", "setTimeout", "Date"], now: 1_000_000 });
  t.after(() => mock.timers.reset());
  const endpoints: EndpointRegistry = new EndpointRegistry({
    platform: { scale: async () => {} },
    log: { warn() {} },
    onAwake: () => scaling.resume(),
  });
  const scaling = new Autoscaler(endpoints);
  t.after(() => scaling.stop());
  const artifact = { kind: "image", reference: "x" } as const;
  const revision = { id: "r", createdAt: "", artifact, settings: withDefaults({ idleTimeout: "auto" }) };
  const endpoint = endpoints.put(endpointSpec({ org: "acme", endpoint: "x" }, revision));
  /** The platform does what it is told. */
  const obey = () => {
    const replicas = Array.from({ length: endpoint.desired }, (_, i) => ({
      id: `${i}`,
      address: "127.0.0.1:9",
      ready: true,
      revision: "r",
    }));
    if (endpoint.replicas.length !== replicas.length)
      endpoints.observe([{ org: "acme", endpoint: "x", revision: "r", replicas }]);
  };
  /** Minutes of a pause in which there was a replica, by their number; a request comes at its end, and whether it was cold. */
  const pause = (minutes: number): { awake: number[]; cold: boolean } => {
    const awake: number[] = [];
    for (let minute = 0; minute < minutes; minute++) {
      for (let second = 0; second < 60; second++) {
        mock.timers.tick(1000);
        obey();
      }
      if (endpoint.replicas.length > 0) awake.push(minute + 1);
    }
    const cold = endpoint.replicas.length === 0;
    endpoint.lastRequestMs = Date.now();
    endpoints.wake(endpoint);
    obey();
    call(endpoint, Date.now());
    mock.timers.tick(1000);
    return { awake, cold };
  };
  endpoints.wake(endpoint);
  obey();
  mock.timers.tick(1000);
  for (let i = 0; i < 8; i++) assert.deepEqual(pause(30), { awake: [1, 2, 3, 4], cold: true });
  assert.deepEqual(pause(30), { awake: [27, 28, 29, 30], cold: false });
  // It does not come: gone again.
  assert.deepEqual(pause(120), { awake: [27, 28, 29, 30, 31, 32, 33, 34], cold: true });
});

test("auto: an endpoint that was never called goes after five minutes", () => {
  const { endpoint, after } = setUp({ idleTimeout: "auto" });
  after(299_000);
  assert.equal(endpoint.desired, 1);
  after(2_000);
  assert.equal(endpoint.desired, 0);
});
