import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { LogLine, LogOptions } from "@faas/core";
import { tempDir } from "@faas/testing";
import { EndpointLogFiles } from "./endpoint-log.ts";
import { LogStore } from "./log-store.ts";

const line = (text: string, more: Partial<LogLine> = {}): LogLine => ({
  ...{ time: "2026-01-01T00:00:00.000Z", replica: "r1", revision: "v", stream: "stdout", line: text },
  ...more,
});

async function texts(log: EndpointLogFiles, options: LogOptions = {}): Promise<string[]> {
  const all: string[] = [];
  for await (const { line } of log.read(options)) all.push(line);
  return all;
}

const ref = { org: "acme", endpoint: "x" };

test("lines are read in order, also by the next process", async () => {
  const dataDir = tempDir("logs");
  const store = new LogStore(dataDir);
  for (let i = 0; i < 100; i++) store.open(ref).append(line(`${i}`));
  const all = Array.from({ length: 100 }, (_, i) => `${i}`);
  assert.deepEqual(await texts(store.open(ref)), all);
  await store[Symbol.asyncDispose]();
  assert.deepEqual(await texts(new LogStore(dataDir).open(ref)), all);
});

test("options select lines by number, time and replica", async () => {
  const log = new LogStore(tempDir("logs")).open(ref);
  log.append(line("old", { time: "2025-01-01T00:00:00.000Z" }));
  log.append(line("one"));
  log.append(line("other replica", { replica: "r2" }));
  log.append(line("two"));
  assert.deepEqual(await texts(log, { tail: 1 }), ["two"]);
  assert.deepEqual(await texts(log, { tail: 0 }), []);
  assert.deepEqual(await texts(log, { replica: "r2" }), ["other replica"]);
  const sinceMs = Date.parse("2026-01-01T00:00:00Z");
  assert.deepEqual(await texts(log, { sinceMs, tail: 2, replica: "r1" }), ["one", "two"]);
});

test("a reader that follows gets stored and new lines, each once, until its signal aborts", async () => {
  const log = new LogStore(tempDir("logs")).open(ref);
  log.append(line("stored"));
  const aborting = new AbortController();
  const lines = log.read({ follow: true, signal: aborting.signal });
  const next = async () => (await lines.next()).value?.line;
  assert.equal(await next(), "stored");
  for (const text of ["a", "b"]) log.append(line(text));
  assert.deepEqual([await next(), await next()], ["a", "b"]);
  const pending = next();
  aborting.abort();
  assert.equal(await pending, undefined);
  assert.equal(getEventListeners(aborting.signal, "abort").length, 0);
});

test("the files of an endpoint are bounded, and the oldest lines are dropped", async () => {
  const folder = tempDir("logs");
  const log = new EndpointLogFiles(folder, 1000);
  for (let i = 0; i < 100; i++) {
    log.append(line(`${i}`));
    await log.flush();
  }
  const names = (await readdir(folder)).sort();
  assert.deepEqual(names, ["0.ndjson", "1.ndjson"]);
  for (const name of names) assert.ok((await stat(join(folder, name))).size < 1300);
  const kept = await texts(log);
  assert.equal(kept.at(-1), "99");
  assert.ok(kept.length > 8 && kept.length < 20, `${kept.length} lines`);
});

test("a writer of too many lines is asked to wait until they are written", async () => {
  const log = new LogStore(tempDir("logs")).open(ref);
  let wait: Promise<void> | undefined;
  let count = 0;
  for (; wait === undefined; count++) wait = log.append(line("x".repeat(10_000)));
  assert.ok(count > 50 && count < 200, `${count} lines of 10 kB`);
  await wait;
  assert.equal(log.append(line("next")), undefined);
  await log.flush();
});

test("a removed log has no files, drops late lines of ending replicas, and starts empty again", async () => {
  const dataDir = tempDir("logs");
  const store = new LogStore(dataDir);
  const log = store.open(ref);
  log.append(line("before"));
  await store.remove(ref);
  assert.equal(log.append(line("late")), undefined);
  await log.flush();
  assert.ok(!existsSync(join(dataDir, "logs/acme/x")));
  store.open(ref).append(line("again"));
  assert.deepEqual(await texts(store.open(ref)), ["again"]);
  await store.removeOrg("acme");
  assert.ok(!existsSync(join(dataDir, "logs/acme")));
});
