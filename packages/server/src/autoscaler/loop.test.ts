import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { type EndpointSpec, endpointSpec, type SettingsInput, withDefaults } from "@faas/core";
import { EndpointRegistry, OutlierDetector, type ServedEndpoint } from "@faas/gateway";
import { Autoscaler } from "./loop.ts";

/** Sets up an endpoint with a ready replica, and a clock that the test moves. */
function setUp(settings: SettingsInput) {
  let now = 1_000_000;
  const scaled: number[] = [];
  const platform = { scale: async (_: unknown, replicas: number) => void scaled.push(replicas) };
  const endpoints = new EndpointRegistry<EndpointSpec>({ platform, log: { warn() {} }, now: () => now });
  const autoscaler = new Autoscaler({ registry: endpoints, outliers: new OutlierDetector(), now: () => now });
  const artifact = { kind: "image", reference: "x" } as const;
  const revision = { id: "r", createdAt: "", artifact, settings: withDefaults(settings) };
  const endpoint = endpoints.put(endpointSpec({ org: "acme", endpoint: "x" }, revision));
  endpoints.wake(endpoint);
  const replicas = [{ id: "1", address: "127.0.0.1:9", ready: true, revision: "r" }];
  endpoints.observe([{ org: "acme", endpoint: "x", revision: "r", replicas }]);
  const after = (ms: number) => {
    for (const end = now + ms; now < end; ) {
      now += 100;
      autoscaler.sample();
    }
  };
  /** Says whether gateways reach the replica. */
  const reachable = (is: boolean) => {
    for (const replica of endpoint.replicas) {
      if (is) endpoint.restore(replica);
      else endpoint.suspend(replica);
    }
  };
  return { endpoint, endpoints, scaled, after, reachable };
}

test("scales an endpoint to zero after its idle timeout", () => {
  const { endpoint, after } = setUp({ idleTimeout: "5m" });
  after(299_000);
  assert.equal(endpoint.desired, 1);
  after(2_000);
  assert.equal(endpoint.desired, 0);
});

test("stops replicas that run although none are desired, once the endpoint is idle", async () => {
  const { endpoint, scaled, after } = setUp({ idleTimeout: "1m" });
  await new Promise(setImmediate);
  // As after a failure that the platform reported although it started the replica.
  endpoint.desired = 0;
  after(50_000);
  await new Promise(setImmediate);
  assert.deepEqual(scaled, [1]);
  after(15_000);
  assert.equal(scaled.at(-1), 0);
});

test("keeps an endpoint awake while a request is in flight", () => {
  const { endpoint, after } = setUp({ idleTimeout: "1s" });
  endpoint.acquire();
  after(60_000);
  assert.equal(endpoint.desired, 1);
});

test("keeps an endpoint awake while it is being deployed", () => {
  const { endpoint, after } = setUp({ idleTimeout: "100ms" });
  endpoint.deploying = true;
  after(60_000);
  assert.equal(endpoint.desired, 1);
  endpoint.deploying = false;
  after(1_000);
  assert.equal(endpoint.desired, 0);
});

test("keeps an endpoint awake whose idle timeout is never", () => {
  const { endpoint, after } = setUp({ idleTimeout: "never" });
  after(3_600_000);
  assert.equal(endpoint.desired, 1);
});

test("adds replicas within seconds of load, up to the maximum", () => {
  const { endpoint, after } = setUp({ concurrency: 2, maxReplicas: 4, idleTimeout: "never" });
  endpoint.acquire();
  endpoint.acquire();
  after(3_000);
  assert.equal(endpoint.desired, 2);
  for (let i = 0; i < 20; i++) endpoint.wait({ previous: undefined, next: undefined, onSlot() {}, onRejected() {} });
  after(3_000);
  assert.equal(endpoint.desired, 4);
});

for (const scaler of ["fixed", "concurrency"] as const)
  test(`adds a replica while calls reach none, and removes it later: ${scaler}`, () => {
    const { endpoint, after, reachable } = setUp({ scaler, maxReplicas: 1, idleTimeout: "never" });
    reachable(false);
    const waiter = { previous: undefined, next: undefined, onSlot() {}, onRejected() {} };
    endpoint.wait(waiter);
    after(900);
    assert.equal(endpoint.desired, 1);
    after(1_000);
    assert.equal(endpoint.desired, 2);
    // The other one has not started yet.
    after(20_000);
    assert.equal(endpoint.desired, 2);
    endpoint.stopWaiting(waiter);
    after(80_000);
    assert.equal(endpoint.desired, 2);
    after(15_000);
    assert.equal(endpoint.desired, 1);
  });

test("adds no replica for calls that wait for a slot, if settings forbid it", () => {
  const { endpoint, after } = setUp({ concurrency: 1, maxReplicas: 1, idleTimeout: "never" });
  endpoint.acquire();
  endpoint.wait({ previous: undefined, next: undefined, onSlot() {}, onRejected() {} });
  after(5_000);
  assert.equal(endpoint.desired, 1);
});

test("restores the number of a fixed scaler, and requests it once", () => {
  const { endpoint, endpoints, scaled, after } = setUp({ replicas: 4, scaler: "fixed", idleTimeout: "never" });
  assert.equal(endpoint.desired, 4);
  endpoints.put({ ...endpoint.spec, replicas: 1 });
  assert.equal(endpoint.desired, 1);
  // As after a rejection by the platform, or a restart in the middle.
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

/** Makes a request that is answered at once. */
function call(endpoint: ServedEndpoint, now: number): void {
  const replica = endpoint.acquire();
  assert.ok(replica);
  endpoint.release(replica, now);
}

test("auto: stays for five minutes at first; sleeps between regular requests once it knows them, and wakes before the next one", (t) => {
  // Clock and timers are mocked, the rest is as in the server.
  mock.timers.enable({ apis: ["setInterval", "setTimeout", "Date"], now: 1_000_000 });
  t.after(() => mock.timers.reset());
  const endpoints: EndpointRegistry<EndpointSpec> = new EndpointRegistry<EndpointSpec>({
    platform: { scale: async () => {} },
    log: { warn() {} },
    onAwake: () => autoscaler.onAwake(),
  });
  const autoscaler = new Autoscaler({ registry: endpoints });
  t.after(() => autoscaler[Symbol.dispose]());
  const artifact = { kind: "image", reference: "x" } as const;
  const revision = { id: "r", createdAt: "", artifact, settings: withDefaults({ idleTimeout: "auto" }) };
  const endpoint = endpoints.put(endpointSpec({ org: "acme", endpoint: "x" }, revision));
  /** Starts and stops replicas as the platform would. */
  const reconcile = () => {
    const replicas = Array.from({ length: endpoint.desired }, (_, i) => ({
      id: `${i}`,
      address: "127.0.0.1:9",
      ready: true,
      revision: "r",
    }));
    if (endpoint.replicas.length !== replicas.length)
      endpoints.observe([{ org: "acme", endpoint: "x", revision: "r", replicas }]);
  };
  /** Lets a pause pass, and then a request. Returns the minutes in which there was a replica, and true for a cold start. */
  const pause = (minutes: number): { awake: number[]; cold: boolean } => {
    const awake: number[] = [];
    for (let minute = 0; minute < minutes; minute++) {
      for (let second = 0; second < 60; second++) {
        mock.timers.tick(1000);
        reconcile();
      }
      if (endpoint.replicas.length > 0) awake.push(minute + 1);
    }
    const cold = endpoint.replicas.length === 0;
    endpoint.lastRequestMs = Date.now();
    endpoints.wake(endpoint);
    reconcile();
    call(endpoint, Date.now());
    mock.timers.tick(1000);
    return { awake, cold };
  };
  endpoints.wake(endpoint);
  reconcile();
  mock.timers.tick(1000);
  for (let i = 0; i < 8; i++) assert.deepEqual(pause(30), { awake: [1, 2, 3, 4], cold: true });
  assert.deepEqual(pause(30), { awake: [27, 28, 29, 30], cold: false });
  // The expected request does not come: the endpoint sleeps again.
  assert.deepEqual(pause(120), { awake: [27, 28, 29, 30, 31, 32, 33, 34], cold: true });
});

test("auto: scales an endpoint that was never called to zero after five minutes", () => {
  const { endpoint, after } = setUp({ idleTimeout: "auto" });
  after(299_000);
  assert.equal(endpoint.desired, 1);
  after(2_000);
  assert.equal(endpoint.desired, 0);
});
