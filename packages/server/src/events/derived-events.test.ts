import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointStatus, Revision } from "@faas/core";
import type { ServedEndpoint } from "@faas/gateway";
import { type Change, type EndpointRecord, withFailure, withServing, withTarget } from "../state/records.ts";
import type { NewEvent } from "./event-log.ts";
import { ReplicaEvents } from "./replica-events.ts";
import { StateEvents } from "./state-events.ts";

const NOW = "2026-01-02T00:00:00.000Z";
const revision = (id: string, replicas = 1): Revision =>
  ({ id, createdAt: NOW, artifact: { kind: "image", reference: id }, settings: { replicas } }) as never;

/** Feeds changes to the events of a server with an empty state; returns the events of each. */
function stateEvents() {
  const published: NewEvent[] = [];
  const empty = { orgs: () => [].values(), org: () => undefined, endpoints: () => [].values(), keys: () => new Map() };
  const events = new StateEvents(empty as never, (event) => published.push(event));
  const after = (change: Change) => {
    events.onChange(change);
    return published.splice(0).map(({ type, data }) => [type, ...(data ? [data] : [])]);
  };
  const put = (record: EndpointRecord | null) => after({ org: "acme", endpoint: "one", record });
  return { after, put };
}

test("a deployment is started, and then deployed or failed", () => {
  const { put } = stateEvents();
  const failure = { revision: "b", code: "FUNCTION_LOAD_FAILED", detail: "no handler", lastLogLines: [] } as const;
  let record = withTarget(undefined, revision("a"), NOW);
  assert.deepEqual(put(record), [["faas.deployment.started", { revision: "a" }]]);
  record = withServing(record, revision("a"), NOW);
  assert.deepEqual(put(record), [["faas.endpoint.deployed", { revision: "a" }]]);
  record = withTarget(record, revision("b"), NOW);
  assert.deepEqual(put(record), [["faas.deployment.started", { revision: "b", previous: "a" }]]);
  record = withFailure(record, failure);
  assert.deepEqual(put(record), [
    ["faas.deployment.failed", { revision: "b", serving: "a", code: "FUNCTION_LOAD_FAILED", detail: "no handler" }],
  ]);
  assert.deepEqual(put({ ...record, updatedAt: "later" }), []);
  assert.deepEqual(put(null), [["faas.endpoint.removed"]]);
});

test("an endpoint without replicas is deployed at once", () => {
  const { put } = stateEvents();
  assert.deepEqual(put(withTarget(undefined, revision("a", 0), NOW)), [["faas.endpoint.deployed", { revision: "a" }]]);
});

test("organizations and keys: created, changed, removed; the use of a key is not an event", () => {
  const { after } = stateEvents();
  const record = { name: "ci", scope: "read", org: "acme", hash: "secret", createdAt: NOW } as const;
  const types = (change: Change) => after(change).map(([type]) => type);
  assert.deepEqual(types({ org: "acme", record: { createdAt: NOW } }), ["faas.org.created"]);
  assert.deepEqual(types({ org: "acme", record: { createdAt: NOW, limits: { endpoints: 1 } } }), ["faas.org.updated"]);
  const created = after({ key: "k1", record });
  assert.deepEqual(created, [["faas.key.created", { id: "k1", name: "ci", scope: "read", org: "acme" }]]);
  assert.deepEqual(types({ key: "k1", record: { ...record, lastUsedAt: NOW } }), []);
  assert.deepEqual(types({ key: "k1", record: null }), ["faas.key.revoked"]);
  assert.deepEqual(types({ org: "acme", record: null }), ["faas.org.removed"]);
});

test("replicas become ready, fail and stop; each is reported once", () => {
  const published: NewEvent[] = [];
  const events = new ReplicaEvents((event) => published.push(event));
  const observe = (desired: number, status: Partial<EndpointStatus>) => {
    const spec = { org: "acme", endpoint: "one" };
    events.onStatus({
      key: "acme/one",
      desired,
      spec,
      status: { replicas: [], ...status },
    } as unknown as ServedEndpoint);
    return published.splice(0).map(({ type, data }) => [type, data]);
  };
  const replica = (id: string, ready = true) => ({ id, ready, revision: "a", address: "" });
  const start = [
    { stage: "process", atMs: 9.4 },
    { stage: "ready", atMs: 60.2 },
  ];
  const stages = start.map(({ stage, atMs }) => ({ stage, atMs: Math.round(atMs) }));
  const exit = { revision: "a", code: "REPLICA_EXITED" as never, detail: "exit 1", lastLogLines: [] };
  assert.deepEqual(observe(1, { replicas: [replica("r1", false)] }), [["faas.endpoint.scaled", { from: 0, to: 1 }]]);
  assert.deepEqual(observe(1, { replicas: [replica("r1")] }), [
    ["faas.replica.ready", { replica: "r1", revision: "a" }],
  ]);
  assert.deepEqual(observe(1, { replicas: [replica("r1")] }), []);
  const { code, detail } = exit;
  const ended = [{ ...exit, id: "r1" }];
  assert.deepEqual(observe(1, { ended }), [["faas.replica.failed", { replica: "r1", revision: "a", code, detail }]]);
  assert.deepEqual(observe(1, { ended, replicas: [{ ...replica("r2"), start }] }), [
    ["faas.replica.ready", { replica: "r2", revision: "a", startMs: 60, stages }],
  ]);
  assert.deepEqual(observe(0, { ended }), [
    ["faas.endpoint.scaled", { from: 1, to: 0 }],
    ["faas.replica.stopped", { replica: "r2" }],
  ]);
  assert.deepEqual(observe(0, { failure: { ...exit, detail: "cannot load" } }), [
    ["faas.replica.failed", { revision: "a", code, detail: "cannot load" }],
  ]);
});
