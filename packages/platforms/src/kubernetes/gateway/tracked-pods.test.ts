import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { SlicePod } from "./endpoint-slices.ts";
import { type KnownEndpoint, type ProbePod, TrackedPods } from "./tracked-pods.ts";

const listed = (pod: string, state: Partial<SlicePod> = {}): SlicePod => ({
  pod,
  address: `${pod}:8080`,
  ready: true,
  terminating: false,
  ...state,
});
const replica = (id: string, ready = true) => ({ id, address: `${id.split(".")[0]}:8080`, revision: "r1", ready });
const known = (...replicas: KnownEndpoint["replicas"]): KnownEndpoint => ({ revision: "r2", replicas });

/** Creates tracked pods, and a probe that answers when the test says so. */
function setUp() {
  const probed = new Map<string, { readonly answer: (answers: boolean) => void; readonly signal: AbortSignal }>();
  let changes = 0;
  const tracked = new TrackedPods(() => changes++);
  const probe: ProbePod = (address, signal) =>
    new Promise((resolve) => probed.set(address, { answer: resolve, signal }));
  const summary = (pods: readonly SlicePod[], endpoint: KnownEndpoint, alone = true) =>
    tracked
      .update(pods, endpoint, alone ? probe : undefined)
      .map(({ id, ready, terminating }) => `${id} ${terminating ? "terminating" : ready ? "ready" : "unready"}`);
  return { tracked, probed, summary, changes: () => changes };
}
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("replicas from EndpointSlices", () => {
  test("a listed pod is the replica that the control server reported, also after its container was restarted", () => {
    const { tracked } = setUp();
    const replicas = tracked.update([listed("a"), listed("b")], known(replica("a.2")), undefined);
    assert.deepEqual(
      replicas.map(({ id, revision }) => [id, revision]),
      [
        ["a.2", "r1"],
        ["b", "r2"],
      ],
    );
  });

  test("a terminating pod gets no calls, with or without a control server", () => {
    for (const alone of [true, false]) {
      const { summary } = setUp();
      assert.deepEqual(summary([listed("a", { terminating: true, ready: false })], known(replica("a")), alone), [
        "a terminating",
      ]);
    }
  });

  test("a replica that the control server found ready gets calls before the kubelet has probed it", () => {
    const { summary, probed } = setUp();
    const unready = [listed("a", { ready: false })];
    assert.deepEqual(summary(unready, known(replica("a"))), ["a ready"]);
    assert.deepEqual(summary(unready, known(replica("a"))), ["a ready"]);
    assert.equal(probed.size, 0);
  });

  test("a replica gets no calls after the kubelet found that it is no longer ready", () => {
    const { summary } = setUp();
    assert.deepEqual(summary([listed("a")], known(replica("a"))), ["a ready"]);
    assert.deepEqual(summary([listed("a", { ready: false })], known(replica("a"))), ["a unready"]);
  });

  test("a new pod gets calls as soon as it answers the gateway's probe", async () => {
    const { summary, probed, changes } = setUp();
    const pods = [listed("new", { ready: false })];
    assert.deepEqual(summary(pods, known()), ["new unready"]);
    probed.get("new:8080")?.answer(true);
    await settle();
    assert.equal(changes(), 1);
    assert.deepEqual(summary(pods, known(replica("new", false))), ["new ready"]);
  });

  test("a pod whose function does not load gets no calls", async () => {
    const { summary, probed, changes } = setUp();
    const pods = [listed("bad", { ready: false })];
    summary(pods, known());
    probed.get("bad:8080")?.answer(false);
    await settle();
    assert.deepEqual([summary(pods, known()), changes()], [["bad unready"], 0]);
  });

  test("a pod that the cluster does not list yet is still a replica, a deleted one is not", () => {
    const { summary } = setUp();
    const both = known(replica("a"), replica("b"));
    assert.deepEqual(summary([listed("a")], both), ["a ready", "b ready"]);
    assert.deepEqual(summary([], both), ["b ready"]);
    assert.deepEqual(summary([], known()), []);
  });

  test("a probe ends when its pod is deleted, or the control server is back", () => {
    const { summary, probed, tracked } = setUp();
    const pods = [listed("a", { ready: false }), listed("b", { ready: false })];
    summary(pods, known());
    summary(pods.slice(1), known());
    const ended = () => [...probed.values()].map(({ signal }) => signal.aborted);
    assert.deepEqual(ended(), [true, false]);
    tracked.stopProbing();
    assert.deepEqual(ended(), [true, true]);
  });
});
