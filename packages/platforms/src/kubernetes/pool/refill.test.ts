import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { V1Pod } from "@kubernetes/client-node";
import type { KubernetesApi } from "../client/api-client.ts";
import type { KubernetesEndpoint } from "../endpoint.ts";
import { Refill } from "./refill.ts";

/** An endpoint of an organization whose replica starts or is ready. */
interface FakeEndpoint {
  readonly org: string;
  isStarting: boolean;
}

const ignore = () => {};

/** Starts a refill with a clock that the test advances; returns the names of the pods that were allowed to start. */
function start(t: TestContext, ...endpoints: FakeEndpoint[]) {
  t.mock.timers.enable({ apis: ["setInterval", "Date"] });
  const started: string[] = [];
  const api = {
    call: async (method: string, path: string, { body }: { body: unknown }) => {
      assert.equal(method, "PATCH");
      assert.deepEqual(body, { spec: { schedulingGates: null } });
      const name = path.slice(path.lastIndexOf("/") + 1);
      started.push(name);
      refill.observe(ungated(name, /faas-(\w+)/.exec(path)?.[1]));
    },
  };
  const seen = endpoints.map((each) => ({
    spec: { org: each.org },
    missing: 0,
    get status() {
      return { replicas: [{ ready: !each.isStarting }] };
    },
  }));
  const refill: Refill = new Refill({
    api: api as unknown as KubernetesApi,
    log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
    signal: t.signal,
    endpoints: new Map(seen.map((each, index) => [String(index), each as unknown as KubernetesEndpoint])),
  });
  /** Advances the clock in small steps: within one, callbacks see its end as the time. */
  const pass = (ms: number) => {
    for (let passedMs = 0; passedMs < ms; passedMs += 10) t.mock.timers.tick(10);
  };
  return { refill, started, pass };
}

const ungated = (name: string, org = "acme"): V1Pod => ({
  metadata: { name, namespace: `faas-${org}`, labels: { "faas/org": org } },
  spec: { containers: [] },
});

const gated = (name: string, org = "acme"): V1Pod => ({
  ...ungated(name, org),
  spec: { containers: [], schedulingGates: [{ name: "faas/refill" }] },
});

test("a new warm pod starts soon when no replica is starting", (t) => {
  const { refill, started, pass } = start(t);
  refill.observe(gated("a"));
  pass(200);
  assert.deepEqual(started, []);
  pass(200);
  assert.deepEqual(started, ["a"]);
});

test("new warm pods wait for the replicas of their organization, but not for those of others", (t) => {
  const own = { org: "acme", isStarting: true };
  const { refill, started, pass } = start(t, own, { org: "other", isStarting: false });
  refill.observe(gated("a"));
  refill.observe(gated("b", "other"));
  pass(2_000);
  assert.deepEqual(started, ["b"]);
  own.isStarting = false;
  pass(400);
  assert.deepEqual(started, ["b", "a"]);
});

test("new warm pods do not wait for replicas that began to start later", (t) => {
  const first = { org: "acme", isStarting: true };
  const later = { org: "acme", isStarting: false };
  const { refill, started, pass } = start(t, first, later);
  refill.observe(gated("a"));
  pass(1_000);
  later.isStarting = true;
  pass(1_000);
  assert.deepEqual(started, []);
  first.isStarting = false;
  pass(100);
  assert.deepEqual(started, ["a"]);
});

test("new warm pods start after 20 s in any case, and each once", (t) => {
  const { refill, started, pass } = start(t, { org: "acme", isStarting: true });
  refill.observe(gated("a"));
  pass(19_900);
  assert.deepEqual(started, []);
  pass(200);
  assert.deepEqual(started, ["a"]);
  pass(5_000);
  assert.deepEqual(started, ["a"]);
});
