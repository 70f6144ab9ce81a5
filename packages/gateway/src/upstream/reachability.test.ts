import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { ReachabilityMonitor, type WatchedReplica } from "./reachability.ts";

/** A replica on another host, and a clock that the test moves. `responds` is the response of the host. */
function watch(t: TestContext, { isRemote = true, inFlight = 1 } = {}) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const state = { responds: false, probes: 0, suspended: false, moved: 0, abandoned: 0, isClosing: false };
  const pending: (() => void)[] = [];
  const replica = {
    inFlight,
    connections: {
      isRemote,
      reads: 0,
      get isClosing() {
        return state.isClosing;
      },
      responds: async () => {
        state.probes++;
        if (state.responds) return true;
        await new Promise<void>((resolve) => pending.push(resolve));
        return state.responds;
      },
      moveRequests: () => state.moved++,
      abandon: () => state.abandoned++,
    },
  } satisfies WatchedReplica;
  const endpoint = {
    replicas: [replica],
    suspend: () => {
      state.suspended = true;
    },
    restore: () => {
      state.suspended = false;
    },
  };
  const monitor = new ReachabilityMonitor();
  let nowMs = 1_000_000;
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const run = async (seconds: number) => {
    for (let sample = 0; sample < seconds * 10; sample++) {
      nowMs += 100;
      monitor.sample(endpoint, nowMs);
      t.mock.timers.tick(100);
      await turn();
    }
  };
  /** Ends the probe in progress with the response of the host. */
  const endProbe = async () => {
    pending.shift()?.();
    await turn();
  };
  return { state, replica, run, endProbe };
}

test("suspends a replica whose host does not respond to a probe", async (t) => {
  const { state, run } = watch(t);
  await run(0.2);
  assert.equal(state.probes, 0);
  await run(0.4);
  assert.deepEqual([state.probes, state.suspended, state.abandoned], [1, true, 0]);
});

test("moves requests in flight after two probes without a response, and abandons the others after ten", async (t) => {
  const { state, run, endProbe } = watch(t);
  const seen: (readonly [moved: number, abandoned: number])[] = [];
  await run(0.6);
  for (let probe = 1; probe <= 10; probe++) {
    await endProbe();
    seen.push([state.moved, state.abandoned]);
    await run(1);
  }
  assert.deepEqual(seen.slice(0, 3), [
    [0, 0],
    [1, 0],
    [2, 0],
  ]);
  assert.deepEqual(seen.slice(8), [
    [8, 0],
    [8, 1],
  ]);
});

test("restores a suspended replica when its host responds again", async (t) => {
  const { state, run, endProbe } = watch(t);
  await run(0.6);
  state.responds = true;
  await endProbe();
  assert.deepEqual([state.suspended, state.abandoned], [false, 0]);
});

test("restores a suspended replica when a response arrives", async (t) => {
  const { state, replica, run, endProbe } = watch(t);
  await run(0.6);
  replica.connections.reads++;
  await endProbe();
  assert.deepEqual([state.suspended, state.abandoned], [false, 0]);
});

test("stops probing when the replica is removed", async (t) => {
  const { state, run, endProbe } = watch(t);
  await run(0.6);
  state.isClosing = true;
  await endProbe();
  await run(5);
  assert.deepEqual([state.probes, state.abandoned], [1, 0]);
});

test("probes a slow replica at most once per second, and leaves it in use", async (t) => {
  const { state, run } = watch(t);
  state.responds = true;
  await run(10);
  assert.ok(state.probes >= 5 && state.probes <= 11, `${state.probes} probes`);
  assert.deepEqual([state.suspended, state.abandoned], [false, 0]);
});

test("does not probe a replica that sends something", async (t) => {
  const { state, replica, run } = watch(t);
  for (let n = 0; n < 10; n++) {
    replica.connections.reads++;
    await run(0.2);
  }
  assert.equal(state.probes, 0);
});

for (const [what, options] of [
  ["without requests", { inFlight: 0 }],
  ["on this machine", { isRemote: false }],
] as const) {
  test(`does not probe a replica ${what}`, async (t) => {
    const { state, run } = watch(t, options);
    await run(2);
    assert.equal(state.probes, 0);
  });
}
