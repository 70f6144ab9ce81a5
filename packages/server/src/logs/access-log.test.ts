import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { LogLine, LogOptions } from "@faas/core";
import { AccessLines, type FinishedCall } from "@faas/gateway";
import { eventually, tempDir } from "@faas/testing";
import { RecentCalls } from "../traces/recent-calls.ts";
import { parseCallTimes } from "./access-file.ts";
import { AccessLogWriter } from "./access-log.ts";
import { EndpointLogFiles } from "./endpoint-log.ts";
import { LogStore } from "./log-store.ts";

const endpoint = { key: "acme/x", removed: false } as FinishedCall["endpoint"];
const ref = { org: "acme", endpoint: "x" };

const call = (requestId: string, more: Partial<FinishedCall> = {}): FinishedCall => ({
  ...{ endpoint, request: { method: "GET" }, requestId, target: "/items", status: 200, cold: false },
  servedBy: { id: "x-1", revision: "v1" },
  ...{ arrived: performance.now() - 1, waitedMs: 0, coldMs: 0, lostMs: 0, headMs: 0, trace: undefined },
  ...more,
});

const printed = (text: string): LogLine => ({
  ...{ time: new Date().toISOString(), replica: "x-1", revision: "v1", stream: "stdout", line: text },
});

async function read(log: EndpointLogFiles, options: LogOptions = {}): Promise<LogLine[]> {
  return Array.fromAsync(log.read({ access: true, ...options }));
}

const ids = (lines: readonly LogLine[]) => lines.map(({ requestId }) => requestId);

function started(dataDir = tempDir("access")) {
  const store = new LogStore(dataDir);
  return { dataDir, store, log: store.open(ref), access: new AccessLogWriter(store, { warn: assert.fail }) };
}

test("a call is read back with all its facts, at once and by the next process", async () => {
  const { dataDir, store, log, access } = started();
  using _ = access;
  access.record(call("id-1", { status: 503, cold: true, target: "/a/b?token=secret" }), 12.3456);
  const [line, ...others] = await read(log);
  assert.deepEqual(others, []);
  assert.deepEqual(line, {
    ...{ time: line?.time, replica: "x-1", revision: "v1", stream: "access", requestId: "id-1" },
    line: "GET /a/b 503 12.35 ms id-1 cold start",
    access: { method: "GET", path: "/a/b", status: 503, durationMs: 12.35, cold: true },
  });
  await store[Symbol.asyncDispose]();
  assert.deepEqual(await read(new LogStore(dataDir).open(ref)), [line]);
});

test("the times of a call are read back from its line, and its gateway is only there if it has a name", async () => {
  const { log, access } = started();
  using _ = access;
  const timed = call("id-1", { waitedMs: 3, coldMs: 2, headMs: 9, trace: { traceId: "abc" } });
  access.record(timed, 12);
  const [line] = await read(log);
  assert.deepEqual(line?.access, { method: "GET", path: "/items", status: 200, durationMs: 12, cold: false });
  const times = (each: FinishedCall) => {
    const lines = new AccessLines();
    lines.append({ ...each, durationMs: 12, endedMs: 1 });
    return parseCallTimes(lines.text().trimEnd());
  };
  assert.deepEqual(times(timed), { queueMs: 1, coldMs: 2, lostMs: 0, headMs: 9, traceId: "abc" });
  assert.deepEqual(times(call("id-2")), { queueMs: 0, coldMs: 0, lostMs: 0 });
});

test("query strings are not on disk, and long paths are cut", async () => {
  const { dataDir, store, access } = started();
  using _ = access;
  access.record(call("one", { target: "/login?password=hunter2" }), 1);
  access.record(call("two", { target: `/${"x".repeat(9000)}` }), 1);
  await store[Symbol.asyncDispose]();
  const text = await readFile(join(dataDir, "logs/acme/x/access-0.log"), "utf8");
  assert.doesNotMatch(text, /hunter2|\?/);
  assert.ok(text.length < 1000, `${text.length} characters`);
});

test("a call that no replica answered has a line too", async () => {
  const { log, access } = started();
  using _ = access;
  access.record(call("none", { status: 404, servedBy: undefined }), 0.5);
  const [line] = await read(log);
  assert.deepEqual([line?.replica, line?.revision, line?.access?.status], ["", "", 404]);
});

test("calls and printed lines are merged by time, and calls are read only on request", async () => {
  const { log, access } = started();
  using _ = access;
  await log.append(printed("first"));
  access.record(call("one"), 1);
  const before = Date.now();
  // The end of a call is known to a millisecond.
  await eventually("the clock advances", () => Date.now() > before + 1);
  await log.append(printed("second"));
  const lines = async (options: LogOptions) =>
    (await read(log, options)).map(({ stream, line }) => (stream === "access" ? "call" : line));
  assert.deepEqual(await lines({}), ["first", "call", "second"]);
  assert.deepEqual(await lines({ tail: 2 }), ["call", "second"]);
  assert.deepEqual(await lines({ access: false }), ["first", "second"]);
  assert.deepEqual(await lines({ filter: { status: "2xx" } }), ["call"]);
});

test("a reader that follows gets stored and new calls, each once", async () => {
  const { log, access } = started();
  using _ = access;
  const aborting = new AbortController();
  const lines = log.read({ access: true, follow: true, signal: aborting.signal });
  const next = async () => (await lines.next()).value?.requestId;
  access.record(call("stored"), 1);
  const first = next();
  access.record(call("while it is read"), 1);
  const found = [await first, await next()];
  access.record(call("new"), 1);
  found.push(await next());
  assert.deepEqual(found, ["stored", "while it is read", "new"]);
  aborting.abort();
  assert.equal((await lines.next()).done, true);
});

test("lines are written soon without a reader", async () => {
  const { dataDir, access } = started();
  using _ = access;
  access.record(call("one"), 1);
  const file = join(dataDir, "logs/acme/x/access-0.log");
  await eventually("the line is on disk", async () => existsSync(file) && /\tone\t/.test(await readFile(file, "utf8")));
});

test("the last calls of a busy endpoint are found in memory, while and after many are written", async () => {
  const store = new LogStore(tempDir("access"));
  const recent = new RecentCalls();
  using access = new AccessLogWriter(store, { warn: assert.fail }, recent);
  const newest = () => Array.from(recent.list("last"), (line) => line.split("\t")[8]);
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 4_000; i++) access.record(call(`${round}-${i}`), 1);
    const found = newest();
    assert.deepEqual([found[0], found[1_000]], [`${round}-3999`, `${round}-2999`]);
    await store.open(ref).flush();
    assert.deepEqual([newest()[0], newest().length], [`${round}-3999`, new Set(newest()).size]);
  }
  await store[Symbol.asyncDispose]();
});

test("an endpoint's calls are bounded on disk, and the newest are kept", async () => {
  const folder = tempDir("access");
  const log = new EndpointLogFiles(folder, 10_000);
  for (let i = 0; i < 2_000; i++) {
    log.appendCall({ ...call(`id-${i}`), durationMs: 1, endedMs: Date.now() });
    if (i % 20 === 0) await log.flush();
  }
  await log.flush();
  assert.deepEqual((await readdir(folder)).sort(), ["access-0.log", "access-1.log"]);
  for (const name of await readdir(folder)) assert.ok((await stat(join(folder, name))).size < 12_000);
  const kept = ids(await read(log));
  assert.equal(kept.at(-1), "id-1999");
  assert.ok(kept.length > 100 && kept.length < 400, `${kept.length} lines`);
});

test("a removed endpoint has no calls, also when one of them ends later", async () => {
  const { dataDir, store, access } = started();
  using _ = access;
  access.record(call("before"), 1);
  await store.remove(ref);
  access.record(call("late", { endpoint: { ...endpoint, removed: true } as FinishedCall["endpoint"] }), 1);
  await store[Symbol.asyncDispose]();
  assert.ok(!existsSync(join(dataDir, "logs/acme/x")));
});

test("more lines than the disk takes are dropped and reported once", async () => {
  const store = new LogStore(tempDir("access"));
  const warnings: string[] = [];
  using access = new AccessLogWriter(store, {
    warn: (...fields: readonly unknown[]) => void warnings.push(String(fields.at(-1))),
  });
  const long = call("x".repeat(128), { target: `/${"y".repeat(400)}` });
  // No write can finish in the meantime.
  for (let i = 0; i < 10_000; i++) access.record(long, 1);
  assert.equal(warnings.length, 1);
  const kept = await read(store.open(ref));
  assert.ok(kept.length > 5_000 && kept.length < 10_000, `${kept.length} lines`);
  await store[Symbol.asyncDispose]();
});

test("lines that a call printed precede its own, also when they were read later", async () => {
  const { log, access } = started();
  using _ = access;
  access.record(call("id-1"), 1);
  const later = (ms: number) => new Date(Date.now() + ms).toISOString();
  await log.append({ ...printed("late"), requestId: "id-1", time: later(50) });
  await log.append({ ...printed("in the background"), requestId: "id-1", time: later(5_000) });
  const texts = (await read(log)).map(({ line, stream }) => (stream === "access" ? "call" : line));
  assert.deepEqual(texts, ["late", "call", "in the background"]);
});
