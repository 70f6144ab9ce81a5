import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { type EndpointSpec, FaasError } from "@faas/core";
import type { ServedEndpoint, ServedReplica } from "@faas/gateway";
import { ManualClock } from "../testing/memory-link.ts";
import { LinkedControl, testView } from "../testing/test-link.ts";

const ready = (...ids: string[]) => ({
  revision: "r",
  replicas: ids.map((id) => ({ id, address: `127.0.0.1:${id.charCodeAt(0)}`, ready: true, revision: "r" })),
});

/** Sets up a control server with acme/x, and gateways that are linked to it. */
function setUp(...names: string[]) {
  const clock = new ManualClock();
  const control = new LinkedControl(clock);
  control.group.onFirstList();
  control.putOrg("acme", {});
  control.putEndpoint("acme/x");
  const present = { control: control as LinkedControl | undefined };
  const gateways = names.map((name) => testView(clock, () => present.control, name));
  clock.advance(10_000);
  const served = (index: number) => gateways[index]?.view.registry.get("acme/x") as ServedEndpoint;
  return {
    clock,
    control,
    present,
    gateways,
    served,
    endpoint: control.registry.get("acme/x") as ServedEndpoint<EndpointSpec>,
  };
}

/** A waiting call; notes its outcome. */
function call(endpoint: ServedEndpoint, wake: () => void) {
  const outcome: { replica?: ServedReplica; error?: Error } = {};
  endpoint.wait({
    ...{ previous: undefined, next: undefined },
    onSlot: (replica) => {
      outcome.replica = replica;
    },
    onRejected: (error) => {
      outcome.error = error;
    },
  });
  wake();
  return outcome;
}

test("calls that wait at several gateways start one replica, and get slots on it", () => {
  const { clock, control, gateways, served } = setUp("a", "b");
  const outcomes = [0, 0, 1, 1].map((index) =>
    call(served(index), () => gateways[index]?.view.registry.wake(served(index))),
  );
  clock.advance(20);
  assert.deepEqual(control.scaled, ["acme/x=1"]);
  control.observe("acme/x", ready("1"));
  clock.advance(20);
  for (const { replica } of outcomes) assert.equal(replica?.id, "1");
});

test("a wake that is lost with its link is repeated on the next one", () => {
  const { clock, control, gateways, served } = setUp("a");
  const [gateway] = gateways;
  assert.ok(gateway);
  gateway.links.isSilent = true;
  const outcome = call(served(0), () => gateway.view.registry.wake(served(0)));
  clock.advance(3_000);
  assert.deepEqual(control.scaled, []);
  gateway.links.isSilent = false;
  clock.advance(3_000);
  assert.deepEqual(control.scaled, ["acme/x=1"]);
  control.observe("acme/x", ready("1"));
  clock.advance(20);
  assert.equal(outcome.replica?.id, "1");
});

test("a call that waits while its endpoint is scaled to zero wakes it again", () => {
  const { clock, control, gateways, served, endpoint } = setUp("a");
  control.registry.wake(endpoint);
  clock.advance(20);
  // No replica is ready yet when the call arrives, and one is desired: it does not ask.
  const outcome = call(served(0), () => gateways[0]?.view.registry.wake(served(0)));
  control.registry.scale(endpoint, 0);
  clock.advance(20);
  assert.equal(endpoint.desired, 1);
  control.observe("acme/x", ready("1"));
  clock.advance(20);
  assert.equal(outcome.replica?.id, "1");
});

test("waiting calls fail when no replica can be started", () => {
  const { clock, control, gateways, served } = setUp("a");
  control.notReady = new FaasError("CLUSTER_UNREACHABLE", "The API server does not respond");
  const outcome = call(served(0), () => gateways[0]?.view.registry.wake(served(0)));
  clock.advance(20);
  assert.ok(outcome.error instanceof FaasError && outcome.error.code === "CLUSTER_UNREACHABLE");
  assert.deepEqual(control.scaled, []);
});

test("a limit of replicas rejects the calls that wait at gateways", () => {
  const { clock, control, gateways, served } = setUp("a", "b");
  control.putOrg("acme", { replicas: 0 });
  clock.advance(20);
  const outcome = call(served(1), () => gateways[1]?.view.registry.wake(served(1)));
  clock.advance(20);
  assert.ok(outcome.error instanceof FaasError && outcome.error.code === "REPLICAS_LIMITED");
});

test("a failure of the present attempt rejects waiting calls, and one of an earlier attempt does not", () => {
  const { clock, control, gateways, served, endpoint } = setUp("a");
  const wake = () => gateways[0]?.view.registry.wake(served(0));
  const failed = (detail: string) => ({
    ...{ revision: "r", replicas: [] },
    failure: { revision: "r", code: "REPLICA_EXITED" as const, detail, lastLogLines: [] },
  });
  const first = call(served(0), wake);
  clock.advance(20);
  control.observe("acme/x", failed("It ended"));
  clock.advance(20);
  assert.equal(first.error?.message, "It ended");
  control.registry.scale(endpoint, 0);
  clock.advance(200);
  const second = call(served(0), wake);
  clock.advance(20);
  assert.deepEqual(second, {});
  // The same text, of another attempt.
  control.observe("acme/x", failed("It ended"));
  clock.advance(20);
  assert.equal(second.error?.message, "It ended");
});

test("settles when every linked gateway has confirmed all changes, and a lost one is not waited for", async () => {
  const { clock, control, gateways, served } = setUp("a", "b");
  control.observe("acme/x", ready("1"));
  clock.advance(20);
  let settled = false;
  const stopping = control.group.replicaStopping({ org: "acme", endpoint: "x" }, "1").then(() => {
    settled = true;
  });
  await Promise.resolve();
  assert.ok(!settled);
  control.observe("acme/x", { revision: "r", replicas: [] });
  // The wait for the status ends in microtasks; then the messages are on their way.
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  assert.ok(!settled);
  assert.equal(served(0).replicas.length, 1);
  gateways[1]?.links.cut();
  clock.advance(2);
  await stopping;
  assert.equal(served(0).replicas.length, 0);
});

test("does not wait for a gateway whose link is lost before it confirms", async () => {
  const { clock, control, gateways } = setUp("a");
  const [gateway] = gateways;
  assert.ok(gateway);
  gateway.links.isSilent = true;
  control.putEndpoint("acme/y");
  const settled = control.group.settled();
  clock.advance(2_600);
  await settled;
});

test("waits ten seconds for a gateway that is linked and confirms nothing: it may be slow", async () => {
  const { clock, control } = setUp();
  const { onText } = control.group.accept({ send() {}, bufferedLength: 0, close() {} });
  onText('{"type":"hello","protocol":1,"version":"1","name":"slow","pid":1}\n');
  control.putEndpoint("acme/y");
  let isSettled = false;
  void control.group.settled().then(() => {
    isSettled = true;
  });
  for (let ms = 0; ms < 9_500; ms += 500) {
    clock.advance(500);
    onText('{"type":"ping"}\n');
  }
  await setImmediate();
  assert.equal(isSettled, false);
  clock.advance(600);
  await setImmediate();
  assert.equal(isSettled, true);
});

test("a load that a gateway reports counts until it is back or gone", () => {
  const { clock, control, gateways, served, endpoint } = setUp("a", "b");
  control.observe("acme/x", ready("1"));
  clock.advance(20);
  const replica = served(0).acquire() as ServedReplica;
  served(0).acquire();
  served(1).acquire();
  clock.advance(200);
  assert.deepEqual([endpoint.totalInFlight, endpoint.replicas[0]?.totalInFlight], [3, 3]);
  assert.ok(!control.group.mayHaveUnseenCalls);
  gateways[0]?.links.cut();
  assert.equal(endpoint.totalInFlight, 3);
  assert.ok(control.group.mayHaveUnseenCalls);
  served(0).release(replica, clock.now());
  clock.advance(2_000);
  assert.equal(endpoint.totalInFlight, 2);
  assert.ok(!control.group.mayHaveUnseenCalls);
  const lost = gateways[1];
  assert.ok(lost);
  lost.links.isSilent = true;
  clock.advance(5_000);
  assert.equal(endpoint.totalInFlight, 2);
  control.group.gone("b");
  assert.equal(endpoint.totalInFlight, 1);
  assert.ok(!control.group.mayHaveUnseenCalls);
});

test("a gateway that is silent for a second may have calls that it could not report", () => {
  const { clock, control, gateways } = setUp("a");
  assert.ok(gateways[0]);
  clock.advance(1_000);
  assert.ok(!control.group.mayHaveUnseenCalls);
  gateways[0].links.isSilent = true;
  clock.advance(1_200);
  assert.ok(control.group.mayHaveUnseenCalls);
});

test("a call at a gateway moves the time of the endpoint's last request", () => {
  const { clock, control, served, endpoint } = setUp("a");
  control.observe("acme/x", ready("1"));
  clock.advance(20);
  const before = endpoint.lastRequestMs;
  clock.advance(60_000);
  assert.equal(endpoint.lastRequestMs, before);
  const replica = served(0).acquire() as ServedReplica;
  clock.advance(300);
  assert.ok(clock.now() - endpoint.lastRequestMs <= 300);
  clock.advance(60_000);
  served(0).release(replica, clock.now());
  clock.advance(300);
  assert.ok(clock.now() - endpoint.lastRequestMs <= 300);
  assert.equal(endpoint.totalInFlight, 0);
});

test("a gateway that drains is no longer a member, and a lost one remains one", () => {
  const { clock, present, gateways } = setUp("a", "b", "c");
  const members = () => gateways.map(({ view }) => view.members?.map(({ name }) => name).join("") ?? "");
  assert.deepEqual(members(), ["abc", "abc", "abc"]);
  gateways[0]?.view.beginStop();
  clock.advance(20);
  assert.deepEqual(members(), ["bc", "bc", "bc"]);
  gateways[1]?.links.cut();
  clock.advance(5);
  assert.deepEqual(members()[2], "bc");
  // A control server that was started again learns the members from those that are back first.
  present.control?.group[Symbol.dispose]();
  present.control = undefined;
  const silent = gateways[2];
  assert.ok(silent);
  silent.links.isSilent = true;
  clock.advance(5_000);
  const next = new LinkedControl(clock, "2");
  next.group.onFirstList();
  present.control = next;
  clock.advance(5_000);
  assert.deepEqual(members()[1], "bc");
  assert.deepEqual(
    next.group.list().map(({ name, state }) => `${name} ${state}`),
    ["a draining", "b linked", "c lost"],
  );
  assert.ok(next.group.mayHaveUnseenCalls);
});

test("a new gateway learns from a control server that has just started that the list of others may be incomplete", () => {
  const clock = new ManualClock();
  const control = new LinkedControl(clock, "2", true);
  control.group.onFirstList();
  const lists: string[] = [];
  const onMembers = (members: readonly { readonly name: string }[], isPartial: boolean) =>
    lists.push(`${members.map(({ name }) => name).join("")} ${isPartial ? "partial" : "complete"}`);
  testView(clock, () => control, "new", { onMembers });
  clock.advance(100);
  assert.deepEqual(new Set(lists), new Set(["new partial"]));
  testView(clock, () => control, "old");
  clock.advance(3_000);
  assert.equal(lists.at(-1), "newold complete");
  assert.ok(!lists.includes("new complete"));
});

test("a second link with the same name replaces the first", () => {
  const { clock, control, present } = setUp("a");
  testView(clock, () => present.control, "a");
  clock.advance(5);
  assert.equal(control.group.list().length, 1);
});

test("sends no snapshot before it is known which replicas run", () => {
  const clock = new ManualClock();
  const control = new LinkedControl(clock);
  control.putEndpoint("acme/x");
  const { view } = testView(clock, () => control, "a");
  clock.advance(1_000);
  assert.equal(view.state.complete, false);
  control.observe("acme/x", ready("1"));
  control.group.onFirstList();
  clock.advance(20);
  assert.equal(view.state.complete, true);
  assert.equal(view.registry.get("acme/x")?.replicas.length, 1);
});

test("reports are awaited from all linked gateways, for at most a second", async () => {
  const { clock, control, gateways } = setUp("a", "b");
  let isReported = false;
  const ask = () => {
    isReported = false;
    void control.group.reported().then(() => {
      isReported = true;
    });
  };
  ask();
  clock.advance(20);
  await setImmediate();
  assert.equal(isReported, true);
  assert.ok(gateways[1]);
  gateways[1].links.isSilent = true;
  ask();
  clock.advance(900);
  await setImmediate();
  assert.equal(isReported, false);
  clock.advance(200);
  await setImmediate();
  assert.equal(isReported, true);
});
