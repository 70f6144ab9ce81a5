import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeMessage } from "../protocol/line-codec.ts";
import type { LinkHandlers, LinkTransport } from "../protocol/link.ts";
import type { ControlHello, ControlMessage, GatewaySpec } from "../protocol/messages.ts";
import { ViewClient } from "./view-client.ts";

/** A gateway that follows the platform and starts replicas there itself, while its control server is down. */

const KEY = "acme/x";
const spec: GatewaySpec = {
  ...{ org: "acme", endpoint: "x", revision: "r1", replicas: 0, maxReplicas: 3, scaler: "concurrency", concurrency: 1 },
  ...{ timeoutMs: 1_000, cpuMillis: 100, memoryBytes: 1, bodyLimitBytes: 1 },
};
const hello: ControlHello = {
  ...{ type: "hello", protocol: 1, version: "1", instance: "a", platform: "kubernetes", requiresKeys: false },
};
const replica = (id: string, state: { ready?: boolean; terminating?: boolean } = {}) => ({
  ...{ id, address: `${id}:8080`, revision: "r1", ready: true, terminating: false },
  ...state,
});

/** Creates a view whose link, time and platform the test controls. */
function setUp() {
  let open: Parameters<LinkTransport["connect"]>[0] | undefined;
  let handlers: LinkHandlers | undefined;
  let nowMs = 0;
  const timers = new Set<{ readonly atMs: number; readonly run: () => void }>();
  const transport: LinkTransport = {
    connect(onOpen) {
      open = onOpen;
      return () => {};
    },
  };
  const woken: string[] = [];
  const view = new ViewClient({
    identity: { name: "g", version: "1", pid: 1 },
    transport,
    log: { info() {}, warn() {} },
    clock: {
      now: () => nowMs,
      after(ms, run) {
        const timer = { atMs: nowMs + ms, run };
        timers.add(timer);
        return () => void timers.delete(timer);
      },
    },
    wakeDirectly: async ({ key }) => void woken.push(key),
  });
  const send = (...messages: ControlMessage[]) => handlers?.onText(messages.map(encodeMessage).join(""));
  const status = (desired: number, ...replicas: ReturnType<typeof replica>[]): ControlMessage => ({
    ...{ type: "status", key: KEY, desired, revision: "r1" },
    replicas,
  });
  /** Opens the link, and lets the control server send its state, with this status. */
  const link = (...messages: ControlMessage[]) => {
    handlers = open?.({ send() {}, close() {}, bufferedLength: 0 });
    const state: ControlMessage[] = [{ type: "endpoint", key: KEY, spec }, ...messages];
    send(hello, { type: "snapshot-begin" }, ...state, { type: "snapshot-end" });
  };
  view.start();
  const endpoint = () => {
    const found = view.registry.get(KEY);
    assert.ok(found);
    return found;
  };
  return {
    ...{ view, woken, status, send, link, endpoint },
    /** Lets a call wait. */
    call() {
      const onRejected = (error: Error) => assert.fail(error);
      endpoint().wait({ onSlot() {}, onRejected, previous: undefined, next: undefined });
      if (endpoint().desired === 0) view.registry.wake(endpoint());
    },
    lose: () => handlers?.onClose(),
    async pass(ms: number) {
      nowMs += ms;
      for (const timer of [...timers]) if (timer.atMs <= nowMs && timers.delete(timer)) timer.run();
      await new Promise((resolve) => setImmediate(resolve));
    },
    ready: () => endpoint().replicas.map(({ id }) => id),
  };
}

test("a call to an endpoint without replicas starts one, and gets it", () => {
  const { view, woken, status, link, lose, call, endpoint } = setUp();
  link(status(0));
  lose();
  call();
  assert.deepEqual(woken, [KEY]);
  view.setPlatformReplicas(KEY, [replica("a", { ready: false })]);
  assert.deepEqual([endpoint().desired, endpoint().waiting], [1, 1]);
  view.setPlatformReplicas(KEY, [replica("a")]);
  assert.deepEqual([endpoint().waiting, endpoint().inFlight], [0, 1]);
});

test("a call that waits for a replica that the control server has just requested starts one if there is none", () => {
  const { woken, status, link, lose, call } = setUp();
  link(status(1));
  call();
  assert.deepEqual(woken, []);
  lose();
  assert.deepEqual(woken, [KEY]);
});

test("a call to an endpoint whose organization may not have a replica is rejected", async () => {
  const { view, woken, status, link, lose, endpoint, pass } = setUp();
  link({ type: "org", name: "acme", limits: { replicas: 0 } }, status(0));
  lose();
  const rejected = new Promise<Error>((onRejected) => {
    endpoint().wait({ onSlot() {}, onRejected, previous: undefined, next: undefined });
  });
  view.registry.wake(endpoint());
  await pass(0);
  assert.equal(((await rejected) as Error & { code?: string }).code, "REPLICAS_LIMITED");
  assert.deepEqual(woken, []);
});

test("calls that wait when the last replica is deleted start another one", () => {
  const { view, woken, status, link, lose, call, endpoint } = setUp();
  link(status(1, replica("a")));
  lose();
  view.setPlatformReplicas(KEY, [replica("a")]);
  endpoint().acquire();
  call();
  assert.deepEqual(woken, []);
  view.setPlatformReplicas(KEY, [replica("a", { ready: false, terminating: true })]);
  assert.deepEqual(woken, [KEY]);
});

test("a call that still waits has replicas started again that were removed before one was ready", async () => {
  const { woken, status, link, lose, call, pass } = setUp();
  link(status(0));
  lose();
  call();
  await pass(0);
  await pass(1_000);
  assert.deepEqual(woken, [KEY, KEY]);
});

test("the control server decides again when it is back, except about replicas that are about to end", async () => {
  const { view, status, link, lose, pass, send, endpoint, ready } = setUp();
  link(status(1, replica("a")));
  lose();
  view.setPlatformReplicas(KEY, [replica("a"), replica("b")]);
  assert.deepEqual([ready(), endpoint().desired], [["a", "b"], 2]);
  await pass(1_000);
  link(status(1, replica("a")));
  assert.deepEqual([ready(), endpoint().desired], [["a"], 1]);
  view.setPlatformReplicas(KEY, [replica("a", { ready: false, terminating: true })]);
  assert.deepEqual(ready(), []);
  send(status(1, replica("a")));
  assert.deepEqual(ready(), []);
});

test("a replica that the platform has ended gets no calls, though the control server has not said so yet", () => {
  const { view, status, link, ready } = setUp();
  link(status(2, replica("a"), replica("b")));
  view.setPlatformReplicas(KEY, [replica("a"), replica("b", { terminating: true })]);
  assert.deepEqual(ready(), ["a"]);
  view.setPlatformReplicas(KEY, [replica("a")]);
  assert.deepEqual(ready(), ["a"]);
});
