import assert from "node:assert/strict";
import { test } from "node:test";
import { EventStreamParser } from "@faas/core";
import type { LiveSample } from "../metrics/live-statistics.ts";
import type { EventFilter } from "./event-filter.ts";
import { EventLog } from "./event-log.ts";
import { EventStream, type EventStreamOptions } from "./event-stream.ts";

const everything: EventFilter = { isAdmin: true };

/** Reads a stream to its end; returns the type and subject of each event, and the last id. */
async function readAll(log: EventLog, after: string | undefined, options: Partial<EventStreamOptions> = {}) {
  const { signal } = new AbortController();
  const start = log.positionAfter(after);
  const stream = new EventStream({ log, start, filter: everything, isFollowing: false, signal, ...options });
  let text = "";
  for await (const chunk of stream) text += chunk;
  const messages = [...new EventStreamParser().push(text)];
  const events = messages.map(({ data }) => JSON.parse(data));
  return { names: events.map(({ type, subject = "" }) => `${type} ${subject}`), events, lastId: messages.at(-1)?.id };
}

function filled(count: number, options: ConstructorParameters<typeof EventLog>[0] = {}): EventLog {
  const log = new EventLog(options);
  for (let i = 1; i <= count; i++) log.append({ type: "faas.org.created", org: `org-${i}` });
  return log;
}

const created = (...numbers: number[]) => numbers.map((number) => `faas.org.created org-${number}`);
const GAP = "faas.events.gap ";

test("a stream continues after the last event that its reader got", async () => {
  const log = filled(3);
  const first = await readAll(log, "0");
  assert.deepEqual(first.names, created(1, 2, 3));
  log.append({ type: "faas.org.created", org: "org-4" });
  assert.deepEqual((await readAll(log, first.lastId)).names, created(4));
  assert.deepEqual((await readAll(log, undefined)).names, []);
});

test("only the newest events are kept, and a reader that missed some learns about it", async () => {
  const log = filled(3, { maxEvents: 4 });
  const { lastId } = await readAll(log, "0");
  for (let i = 4; i <= 9; i++) log.append({ type: "faas.org.created", org: `org-${i}` });
  const { names, events } = await readAll(log, lastId);
  assert.deepEqual(names, [GAP, ...created(6, 7, 8, 9)]);
  // The gap is not reported again to a reader that got no more than it.
  assert.deepEqual((await readAll(log, events[0].id)).names, created(6, 7, 8, 9));
});

test("the size of the kept events is limited", async () => {
  const log = new EventLog({ maxCharacters: 2_000 });
  for (let i = 0; i < 20; i++) log.append({ type: "faas.org.updated", org: "acme", data: { text: "x".repeat(400) } });
  assert.equal((await readAll(log, "0")).names.length, 3);
});

test("a reader with an id of another run of the server, or an invalid one, learns about the gap", async () => {
  const { lastId } = await readAll(filled(2), "0");
  const log = filled(1);
  for (const id of [lastId, "nonsense", "1", `${lastId}9`])
    assert.deepEqual((await readAll(log, id)).names, [GAP, ...created(1)], id);
});

test("a reader that is slower than the log misses events, but takes no memory for them", async () => {
  const log = filled(0, { maxEvents: 10 });
  const end = new AbortController();
  const start = log.positionAfter(undefined);
  const stream = new EventStream({ log, start, filter: everything, isFollowing: true, signal: end.signal });
  const data = { text: "x".repeat(4_000) };
  for (let i = 0; i < 1_000; i++) log.append({ type: "faas.org.updated", org: `org-${i}`, data });
  assert.ok(stream.readableLength < 50_000, `${stream.readableLength}`);
  let text = "";
  for await (const chunk of stream) {
    text += chunk;
    if (text.includes("org-999")) end.abort();
  }
  assert.ok(text.includes("faas.events.gap"));
});

test("a stream has the events of its organization, endpoint and types, and those of admins only for them", async () => {
  const log = new EventLog();
  log.append({ type: "faas.server.started" });
  log.append({ type: "faas.key.created", org: "acme", subject: "k1", isForAdmins: true });
  for (const org of ["acme", "other"])
    for (const endpoint of ["one", "two"]) log.append({ type: "faas.endpoint.removed", org, endpoint });
  log.append({ type: "faas.org.updated", org: "acme" });
  const names = async (filter: EventFilter) => (await readAll(log, "0", { filter })).names;
  const [one, two] = ["faas.endpoint.removed acme/one", "faas.endpoint.removed acme/two"];
  assert.deepEqual(await names({ org: "acme", isAdmin: false }), [one, two, "faas.org.updated acme"]);
  assert.deepEqual(await names({ org: "acme", endpoint: "two", isAdmin: false }), [two]);
  const hasType = (type: string) => type.startsWith("faas.key.");
  assert.deepEqual(await names({ isAdmin: true, hasType }), ["faas.key.created k1"]);
  assert.equal((await names({ isAdmin: true })).length, 7);
  assert.equal((await names({ isAdmin: false })).length, 6);
});

test("events are CloudEvents, with ids that grow", async () => {
  const log = new EventLog({ now: () => Date.UTC(2026, 0, 2) });
  log.append({ type: "faas.endpoint.scaled", org: "acme", endpoint: "one", data: { from: 0, to: 1 } });
  const { events } = await readAll(log, "0");
  const { id, ...rest } = events[0];
  assert.match(id, /^\w+-1$/);
  assert.deepEqual(rest, {
    specversion: "1.0",
    source: "/-/events",
    type: "faas.endpoint.scaled",
    time: "2026-01-02T00:00:00.000Z",
    subject: "acme/one",
    datacontenttype: "application/json",
    data: { from: 0, to: 1 },
  });
});

test("statistics have all replicas first, then what changed, only for the endpoints of the stream", async () => {
  const log = new EventLog();
  const end = new AbortController();
  const sample = (org: string, number: number): LiveSample => ({ org, endpoint: "one", text: `{"n":${number}}` });
  let report = (_: readonly LiveSample[]) => {};
  const statistics = {
    snapshot: () => [sample("acme", 0), sample("other", 0)],
    subscribe(listener: typeof report) {
      report = listener;
      return () => {};
    },
  };
  const start = log.positionAfter(undefined);
  const filter = { org: "acme", isAdmin: false };
  const stream = new EventStream({ log, start, filter, isFollowing: true, statistics, signal: end.signal });
  const found: unknown[] = [];
  const parser = new EventStreamParser();
  stream.on("data", (text) => {
    for (const { id, data } of parser.push(text)) found.push([id, JSON.parse(data).data.endpoints]);
  });
  await new Promise(setImmediate);
  for (const samples of [[sample("acme", 1), sample("other", 1)], [], [sample("other", 2)], [sample("acme", 3)]])
    report(samples);
  await new Promise(setImmediate);
  assert.deepEqual(found, [
    [undefined, [{ n: 0 }, { n: 1 }]],
    [undefined, [{ n: 3 }]],
  ]);
  end.abort();
});
