import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type EndpointSpec,
  endpointSpec,
  type Limits,
  limitNumbers,
  type SettingsInput,
  withDefaults,
} from "@faas/core";
import { EndpointRegistry, type ServedEndpoint } from "@faas/gateway";
import { CpuScaler } from "./cpu-scaler.ts";
import { Autoscaler } from "./loop.ts";

interface Setup {
  readonly limits?: Limits;
  readonly defaultMaxMillis?: number;
}

/** Sets up an organization, and a clock that the test moves. */
function setUp({ limits = {}, defaultMaxMillis }: Setup = {}) {
  let now = 1_000_000;
  const set: string[] = [];
  const platform = {
    scale: async () => {},
    setCpu: ({ endpoint }: { endpoint: string }, cpu: { limitMillis: number; reservedMillis: number }) =>
      void set.push(`${endpoint} ${cpu.limitMillis} ${cpu.reservedMillis}`),
  };
  const registry = new EndpointRegistry<EndpointSpec>({
    ...{ platform, log: { warn() {} }, now: () => now },
    limitsOf: () => limitNumbers(limits),
  });
  const cpu = new CpuScaler({ setCpu: platform.setCpu, defaultMaxMillis, now: () => now });
  const autoscaler = new Autoscaler({ registry, cpu, now: () => now });
  const put = (name: string, settings: SettingsInput, cpuPending?: string) => {
    const revision = {
      id: "r",
      createdAt: "",
      artifact: { kind: "image", reference: "x" },
      settings: withDefaults(settings),
    } as const;
    const endpoint = registry.put(endpointSpec({ org: "acme", endpoint: name }, revision));
    registry.wake(endpoint);
    observe(endpoint, cpuPending);
    return endpoint;
  };
  /** Reports as many ready replicas as are desired. */
  const observe = ({ spec, desired }: ServedEndpoint, cpuPending?: string) => {
    const replicas = Array.from({ length: desired }, (_, i) => ({
      id: `${spec.endpoint}${i}`,
      address: `h:${i + 1}`,
      ready: true,
      revision: "r",
    }));
    statuses.set(spec.endpoint, {
      org: "acme",
      endpoint: spec.endpoint,
      revision: "r",
      replicas,
      ...(cpuPending === undefined ? {} : { cpuPending }),
    });
    registry.observe([...statuses.values()]);
  };
  const statuses = new Map<string, Parameters<typeof registry.observe>[0][number]>();
  const after = (ms: number) => {
    for (const end = now + ms; now < end; ) {
      now += 100;
      autoscaler.sample();
    }
  };
  return { put, observe, after, set, autoscaler };
}

const call = (endpoint: ServedEndpoint, count: number) => {
  for (let i = 0; i < count; i++) assert.ok(endpoint.acquire());
};

describe("the CPU limit under load", () => {
  test("rises in the first sample of the load", () => {
    const { put, after, set } = setUp();
    call(put("x", { cpu: "100m", cpuMax: "1" }), 10);
    after(100);
    assert.deepEqual(set, ["x 1000 100"]);
  });

  test("rises when a gateway reports the load, before the next sample", () => {
    const { put, autoscaler, set } = setUp();
    const endpoint = put("x", { cpu: "100m", cpuMax: "1" });
    endpoint.remoteInFlight = 2;
    autoscaler.onLoad(endpoint);
    assert.deepEqual(set, ["x 200 100"]);
    // Another gateway reports the same burst.
    autoscaler.onLoad(endpoint);
    assert.equal(set.length, 1);
  });

  test("rises five milliseconds after a second request waits for the CPU, if it still does", (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const { put, after, set } = setUp();
    const endpoint = put("x", { cpu: "100m", cpuMax: "1" });
    after(100);
    const replica = endpoint.acquire();
    assert.ok(replica && endpoint.acquire());
    t.mock.timers.tick(4);
    assert.deepEqual(set, []);
    t.mock.timers.tick(1);
    assert.deepEqual(set, ["x 200 100"]);
  });

  test("does not rise for requests that have ended within five milliseconds", (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const { put, after, set } = setUp();
    const endpoint = put("x", { cpu: "100m", cpuMax: "1" });
    after(100);
    const replica = endpoint.acquire();
    assert.ok(replica && endpoint.acquire());
    endpoint.release(replica, 0);
    t.mock.timers.tick(5);
    assert.deepEqual(set, []);
  });

  test("no replica is added for half a second after a rise that may suffice", () => {
    const { put, after } = setUp();
    const small = put("small", { cpu: "100m", cpuMax: "1", concurrency: 2, maxReplicas: 5 });
    const large = put("large", { cpu: "100m", cpuMax: "300m", concurrency: 2, maxReplicas: 5 });
    for (const endpoint of [small, large]) {
      call(endpoint, 2);
      for (let i = 0; i < 6; i++) endpoint.wait({ previous: undefined, next: undefined, onSlot() {}, onRejected() {} });
    }
    after(400);
    assert.equal(small.desired, 1);
    assert.ok(large.desired > 1);
    after(600);
    assert.ok(small.desired > 1);
  });

  test("does not rise without a maximum, or with one that is equal", () => {
    const { put, after, set } = setUp();
    call(put("x", { cpu: "100m" }), 10);
    call(put("y", { cpu: "100m", cpuMax: "100m" }), 10);
    after(5_000);
    assert.deepEqual(set, []);
  });

  test("rises to the server's maximum, unless the settings name another one", () => {
    const { put, after, set } = setUp({ defaultMaxMillis: 300 });
    call(put("x", { cpu: "100m" }), 10);
    call(put("y", { cpu: "100m", cpuMax: "100m" }), 10);
    after(1_000);
    assert.deepEqual(set, ["x 300 100"]);
  });

  test("is back at that of the settings before the endpoint starts again", () => {
    const { put, after, observe, set } = setUp();
    const endpoint = put("x", { cpu: "100m", cpuMax: "1", idleTimeout: "1s" });
    const replica = endpoint.acquire();
    call(endpoint, 3);
    after(300);
    assert.ok(replica);
    for (let i = 0; i < 4; i++) endpoint.release(replica, 1_000_300);
    after(3_000);
    assert.equal(endpoint.desired, 0);
    assert.equal(set.at(-1), "x 100 100");
    observe(endpoint);
  });

  test("is bounded by the organization's limit of one replica", () => {
    const { put, after, set } = setUp({ limits: { cpuMax: "250m" } });
    call(put("x", { cpu: "100m", cpuMax: "1" }), 10);
    after(1_000);
    assert.deepEqual(set, ["x 250 100"]);
  });

  test("is bounded by what the organization's other endpoints leave", () => {
    const { put, after, set } = setUp({ limits: { cpu: "1" } });
    put("reserved", { cpu: "300m", replicas: 1 });
    call(put("x", { cpu: "100m", cpuMax: "400m" }), 10);
    after(1_000);
    call(put("y", { cpu: "100m", cpuMax: "2" }), 10);
    after(1_000);
    // 1000m - 300m - 400m
    assert.deepEqual(set, ["x 400 100", "y 300 100"]);
  });

  test("another replica is added every two seconds while the present ones cannot reserve what they need", () => {
    const { put, after, observe } = setUp();
    const endpoint = put("x", { cpu: "100m", cpuMax: "1", maxReplicas: 3 }, "Deferred: no room");
    call(endpoint, 10);
    after(1_000);
    assert.equal(endpoint.desired, 1);
    after(3_000);
    assert.equal(endpoint.desired, 2);
    observe(endpoint, "Deferred: no room");
    after(3_000);
    assert.equal(endpoint.desired, 3);
    observe(endpoint, "Deferred: no room");
    after(5_000);
    assert.equal(endpoint.desired, 3);
  });
});
