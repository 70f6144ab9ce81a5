import assert from "node:assert/strict";
import { mock, type TestContext, test } from "node:test";
import {
  type EndpointSpec,
  endpointSpec,
  type Limits,
  limitNumbers,
  type SettingsInput,
  withDefaults,
} from "@faas/core";
import { EndpointRegistry } from "@faas/gateway";
import { Autoscaler } from "./loop.ts";
import { WarmSchedule } from "./warm-schedule.ts";

/** From 08:00 to 08:20 UTC each day. */
const WINDOW = { cron: "0 8 * * *", timeZone: "UTC", for: "20m", replicas: 3 };
const HOUR_MS = 3_600_000;

interface Setup {
  readonly at?: string;
  readonly limits?: Limits;
  readonly scale?: (replicas: number) => Promise<void>;
}

/** Sets up a server's endpoints with a clock that the test moves: timers are mocked too, so that also a resting loop is tested. */
function setUp(
  t: TestContext,
  settings: SettingsInput,
  { at = "07:50", limits = {}, scale = async () => {} }: Setup = {},
) {
  mock.timers.enable({ apis: ["setInterval", "setTimeout", "Date"], now: Date.parse(`2026-11-30T${at}:00Z`) });
  t.after(() => mock.timers.reset());
  const calls: number[] = [];
  const registry: EndpointRegistry<EndpointSpec> = new EndpointRegistry<EndpointSpec>({
    platform: {
      scale: async (_, replicas) => {
        calls.push(replicas);
        await scale(replicas);
      },
    },
    log: { warn() {} },
    limitsOf: () => limitNumbers(limits),
    onAwake: () => autoscaler.onAwake(),
    onSpec: (endpoint) => autoscaler.onSpec(endpoint),
    onRemoved: (endpoint) => autoscaler.onRemoved(endpoint),
  });
  const warm = new WarmSchedule();
  /** Time by which the clock was put forward. Timers do not follow it. */
  const clock = { aheadMs: 0 };
  const autoscaler = new Autoscaler({ registry, warm, now: () => Date.now() + clock.aheadMs });
  t.after(() => autoscaler[Symbol.dispose]());
  const put = (changed: SettingsInput) => {
    const artifact = { kind: "image", reference: "x" } as const;
    const revision = { id: "r", createdAt: "", artifact, settings: withDefaults(changed) };
    return registry.put(endpointSpec({ org: "acme", endpoint: "x" }, revision));
  };
  const endpoint = put(settings);
  /** Reports as many ready replicas as are desired. */
  const observe = () => {
    const replicas = Array.from({ length: endpoint.desired }, (_, i) => {
      return { id: `${i}`, address: `127.0.0.1:${i + 1}`, ready: true, revision: "r" };
    });
    if (endpoint.replicas.length !== replicas.length)
      registry.observe([{ org: "acme", endpoint: "x", revision: "r", replicas }]);
  };
  const after = async (ms: number, stepMs = 1000) => {
    for (let passed = 0; passed < ms; passed += stepMs) {
      mock.timers.tick(stepMs);
      // Lets calls of the platform end.
      await new Promise(setImmediate);
      observe();
    }
  };
  /** Moves the clock to a time of the day. */
  const until = (time: string) => after(Date.parse(`2026-11-30T${time}:00Z`) - Date.now());
  return { endpoint, registry, autoscaler, warm, put, after, until, calls, clock };
}

test("an endpoint without replicas gets them at the beginning of a window", async (t) => {
  const { endpoint, autoscaler, until, after, calls } = setUp(t, { warm: [WINDOW] });
  autoscaler.onFirstList();
  await until("07:59");
  assert.equal(endpoint.desired, 0);
  await until("08:00");
  await after(1000);
  assert.equal(endpoint.desired, 3);
  assert.deepEqual(calls, [3]);
});

test("keeps its replicas without requests until the window ends, and is idle then", async (t) => {
  const { endpoint, autoscaler, until, after, calls } = setUp(
    t,
    { warm: [WINDOW], idleTimeout: "5m" },
    { at: "07:59" },
  );
  autoscaler.onFirstList();
  await until("08:19");
  assert.equal(endpoint.desired, 3);
  await until("08:20");
  await after(2000);
  assert.equal(endpoint.desired, 0);
  assert.deepEqual([calls[0], calls.at(-1)], [3, 0]);
});

test("is scaled down to what the load needs when the window ends", async (t) => {
  const { endpoint, autoscaler, until, after } = setUp(t, { warm: [WINDOW], concurrency: 10 }, { at: "08:10" });
  autoscaler.onFirstList();
  await after(1000);
  assert.ok(endpoint.acquire());
  await until("08:19");
  assert.equal(endpoint.desired, 3);
  await until("08:22");
  assert.equal(endpoint.desired, 1);
});

test("gets more replicas under load in a window", async (t) => {
  const { endpoint, autoscaler, after } = setUp(t, { warm: [WINDOW], concurrency: 2 }, { at: "08:10" });
  autoscaler.onFirstList();
  await after(1000);
  for (let i = 0; i < 6; i++) assert.ok(endpoint.acquire());
  await after(5000, 100);
  assert.ok(endpoint.desired > 3, `${endpoint.desired}`);
});

test("a server that starts in a window starts the replicas, when it knows what runs already", async (t) => {
  const { endpoint, autoscaler, after } = setUp(t, { warm: [WINDOW] }, { at: "08:10" });
  await after(60_000);
  assert.equal(endpoint.desired, 0);
  autoscaler.onFirstList();
  await after(1000);
  assert.equal(endpoint.desired, 3);
});

test("replicas that survived a restart in a window stay", async (t) => {
  const { endpoint, registry, autoscaler, after, calls } = setUp(t, { warm: [WINDOW] }, { at: "08:10" });
  const replicas = Array.from({ length: 4 }, (_, i) => {
    return { id: `old${i}`, address: `127.0.0.1:${i + 1}`, ready: true, revision: "r" };
  });
  registry.observe([{ org: "acme", endpoint: "x", revision: "r", replicas }]);
  autoscaler.onFirstList();
  await after(60_000);
  assert.equal(endpoint.desired, 3);
  assert.ok(Math.min(...calls) >= 3, `${calls}`);
});

test("a window that is deployed while it is open takes effect at once, and its removal too", async (t) => {
  const { endpoint, autoscaler, put, after } = setUp(t, { idleTimeout: "1m" }, { at: "08:10" });
  autoscaler.onFirstList();
  await after(120_000);
  assert.equal(endpoint.desired, 0);
  put({ idleTimeout: "1m", warm: [WINDOW] });
  await after(1000);
  assert.equal(endpoint.desired, 3);
  put({ idleTimeout: "1m" });
  await after(1000);
  assert.equal(endpoint.desired, 0);
});

test("a fixed number is larger in a window", async (t) => {
  const settings = { scaler: "fixed", replicas: 2, warm: [WINDOW], idleTimeout: "never" } as const;
  const { endpoint, registry, autoscaler, put, until, after } = setUp(t, settings, { at: "07:59" });
  autoscaler.onFirstList();
  registry.wake(endpoint);
  await after(30_000);
  assert.equal(endpoint.desired, 2);
  await until("08:01");
  assert.equal(endpoint.desired, 3);
  put({ ...settings, timeout: "10s" });
  assert.equal(endpoint.desired, 3, "after a deployment");
  await until("08:21");
  assert.equal(endpoint.desired, 2);
});

test("the limits of the organization bound the replicas of a window", async (t) => {
  const { endpoint, autoscaler, after } = setUp(t, { warm: [WINDOW] }, { at: "08:10", limits: { replicas: 2 } });
  autoscaler.onFirstList();
  await after(5000);
  assert.equal(endpoint.desired, 2);
  assert.match(endpoint.limited ?? "", /It wants 3 replicas, and may have 2/);
});

test("a window whose replicas cannot be started is tried again every 10 s", async (t) => {
  let isFailing = true;
  const scale = async () => {
    if (isFailing) throw new Error("no room");
  };
  const { endpoint, autoscaler, after, calls } = setUp(t, { warm: [WINDOW] }, { at: "08:10", scale });
  autoscaler.onFirstList();
  await after(29_000);
  assert.deepEqual([endpoint.desired, calls.length], [0, 3]);
  isFailing = false;
  await after(10_000);
  assert.equal(endpoint.desired, 3);
});

test("a window opens within a minute after the clock was put forward", async (t) => {
  const { endpoint, autoscaler, after, clock } = setUp(t, { warm: [WINDOW] }, { at: "01:00" });
  autoscaler.onFirstList();
  await after(1000);
  clock.aheadMs = 7 * HOUR_MS;
  await after(60_000);
  assert.equal(endpoint.desired, 3);
});

test("a server that is being replaced keeps the replicas of a window", async (t) => {
  const { endpoint, autoscaler, warm, after } = setUp(t, { warm: [WINDOW], idleTimeout: "5s" }, { at: "08:10" });
  autoscaler.onFirstList();
  await after(1000);
  warm[Symbol.dispose]();
  await after(60_000);
  assert.equal(endpoint.desired, 3);
});

test("a server that was replaced starts nothing, and a removed endpoint neither", async (t) => {
  const replaced = setUp(t, { warm: [WINDOW] });
  replaced.autoscaler.onFirstList();
  replaced.warm[Symbol.dispose]();
  await replaced.until("08:01");
  assert.deepEqual(replaced.calls, []);
  mock.timers.reset();
  const removed = setUp(t, { warm: [WINDOW] });
  removed.autoscaler.onFirstList();
  removed.registry.delete({ org: "acme", endpoint: "x" });
  await removed.until("08:01");
  assert.deepEqual(removed.calls, []);
});
