import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { eventually, tempDir } from "@faas/testing";
import fc from "fast-check";
import type { Queue } from "../queue.ts";
import { type JournalQueueOptions, openJournalQueue } from "./journal-queue.ts";

const TOPIC = "acme/mail";
const LONG_MS = 60_000;

async function open(t: TestContext, options: Partial<JournalQueueOptions> = {}) {
  const folder = options.folder ?? tempDir("queue");
  const queue = await openJournalQueue({ ...options, folder });
  t.after(() => queue[Symbol.asyncDispose]());
  return { folder, queue };
}

const add = (queue: Queue, text: string, more: object = {}) =>
  queue.enqueue({ topic: TOPIC, body: Buffer.from(text), ...more });

async function bodies(queue: Queue): Promise<(string | undefined)[]> {
  const states = queue.list({ group: "acme", limit: 1e6 }).toReversed();
  return Promise.all(states.map(async ({ id }) => (await queue.read(id))?.body?.toString()));
}

const segments = (folder: string) => readdirSync(folder).map((name) => join(folder, name));
const sizeOf = (folder: string) => segments(folder).reduce((sum, file) => sum + statSync(file).size, 0);

/** Makes two segments, each with two frames. */
async function twoSegments(t: TestContext): Promise<string> {
  const folder = tempDir("queue");
  for (const name of ["a", "b"]) {
    const { queue } = await open(t, { folder });
    for (const number of [1, 2]) await add(queue, name + number);
    await queue[Symbol.asyncDispose]();
  }
  return folder;
}

/** Asserts that the queue is not opened because of a file, and that no file was changed. */
async function assertRefused(folder: string, file: string): Promise<void> {
  const before = segments(folder).map((path) => readFileSync(path));
  await assert.rejects(openJournalQueue({ folder }), (error: NodeJS.ErrnoException) => {
    assert.equal(error.code, "STATE_DAMAGED");
    assert.ok(error.message.includes(file), error.message);
    return true;
  });
  assert.deepEqual(
    segments(folder).map((path) => readFileSync(path)),
    before,
  );
}

test("a changed byte of an acknowledged write is refused, with the name of its file", async (t) => {
  const folder = await twoSegments(t);
  const [first, last] = segments(folder) as [string, string];
  for (const file of [first, last]) {
    const good = readFileSync(file);
    // Of the last segment, the last frame could be a write that a crash cut short.
    const end = file === first ? good.length : good.length - 130;
    await fc.assert(
      fc.asyncProperty(fc.nat(end - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const bad = Buffer.from(good);
        bad[at] = (bad[at] as number) ^ change;
        writeFileSync(file, bad);
        await assertRefused(folder, file);
      }),
      { numRuns: 200 },
    );
    writeFileSync(file, good);
  }
  const { queue } = await open(t, { folder });
  assert.deepEqual(await bodies(queue), ["a1", "a2", "b1", "b2"]);
});

test("a segment that is missing, or shorter than it was, is refused", async (t) => {
  const folder = await twoSegments(t);
  const [first] = segments(folder) as [string];
  writeFileSync(first, readFileSync(first).subarray(0, -1));
  await assertRefused(folder, first);
  rmSync(first);
  await assertRefused(folder, first);
});

test("a last write that is torn at any byte is left out, and the others stay", async (t) => {
  const folder = tempDir("queue");
  const { queue } = await open(t, { folder });
  await add(queue, "a");
  const [file] = segments(folder) as [string];
  const { size } = statSync(file);
  await add(queue, "b");
  await queue[Symbol.asyncDispose]();
  const whole = readFileSync(file);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: size, max: whole.length - 1 }), fc.nat(50), async (end, zeros) => {
      writeFileSync(file, Buffer.concat([whole.subarray(0, end), Buffer.alloc(zeros)]));
      const { queue } = await open(t, { folder });
      assert.deepEqual(await bodies(queue), ["a"]);
      await queue[Symbol.asyncDispose]();
    }),
    { numRuns: 30 },
  );
  const again = (await open(t, { folder })).queue;
  await add(again, "c");
  await again[Symbol.asyncDispose]();
  assert.deepEqual(await bodies((await open(t, { folder })).queue), ["a", "c"]);
});

test("the zeros that are written ahead replace no message, and are not read", async (t) => {
  const { queue, folder } = await open(t, { segmentBytes: 2 ** 20 });
  const added: string[] = [];
  const isZeroedAhead = () =>
    readFileSync(segments(folder)[0] as string)
      .subarray(-1_000)
      .every((byte) => byte === 0);
  while (added.length < 5 || !isZeroedAhead()) {
    const text = `${added.length} ${"x".repeat((added.length * 7_919) % 20_000)}`;
    await add(queue, text);
    added.push(text);
    assert.ok(added.length < 90, "there are zeros before the segment is full");
  }
  for (let index = 0; index < 30; index++) {
    const text = `${index} ${"y".repeat(15_000)}`;
    await add(queue, text);
    added.push(text);
  }
  await queue[Symbol.asyncDispose]();
  assert.deepEqual(await bodies((await open(t, { folder })).queue), added);
});

test("a server that lost the folder cannot acknowledge, and its late write is never read", async (t) => {
  const folder = tempDir("queue");
  let checks = Number.POSITIVE_INFINITY;
  const assertLockHeld = async () => {
    if (--checks < 0) throw new Error("the lock is held by another server");
  };
  const old = (await open(t, { folder, assertLockHeld })).queue;
  await add(old, "a");
  const { queue } = await open(t, { folder });
  // The check before the write passes, the one after it fails.
  checks = 1;
  await assert.rejects(add(old, "late"), { code: "QUEUE_FAILED" });
  await assert.rejects(add(old, "later"), { code: "QUEUE_FAILED" });
  await add(queue, "b");
  await queue[Symbol.asyncDispose]();
  assert.deepEqual(await bodies((await open(t, { folder })).queue), ["a", "b"]);
});

/** Limits the size of files: beyond, the kernel rejects a write in the middle, as on a full disk (setrlimit(2)). */
function limitFiles(t: TestContext): (bytes: string) => void {
  const limit = (bytes: string) =>
    assert.equal(spawnSync("prlimit", [`--pid=${process.pid}`, `--fsize=${bytes}`]).status, 0);
  t.after(() => limit("unlimited:unlimited"));
  return limit;
}

test("a full disk fails changes and loses nothing that was acknowledged; with space, the queue continues", async (t) => {
  const { queue, folder } = await open(t);
  const acknowledged = ["before"];
  await add(queue, "before", { idempotencyKey: "before" });
  const [lease] = await queue.lease(TOPIC, 1, LONG_MS);
  await add(queue, "second");
  acknowledged.push("second");
  const limit = limitFiles(t);
  for (const bytes of [0, 1, 150, 700]) {
    limit(`${bytes}:unlimited`);
    const text = "x".repeat(1000);
    await assert.rejects(add(queue, text, { idempotencyKey: "rejected" }), { code: "QUEUE_FAILED", status: 503 });
    assert.ok(lease);
    await assert.rejects(queue.settle(lease, { type: "dead", note: Buffer.alloc(1000), keepMs: LONG_MS }), {
      code: "QUEUE_FAILED",
    });
    assert.equal(queue.find(lease.id)?.status, "leased");
  }
  limit("unlimited:unlimited");
  assert.equal((await add(queue, "after", { idempotencyKey: "rejected" })).isDuplicate, false);
  acknowledged.push("after");
  assert.equal(lease && (await queue.settle(lease, { type: "dead", note: Buffer.alloc(0), keepMs: LONG_MS })), true);
  assert.equal(segments(folder).length, 2);
  await queue[Symbol.asyncDispose]();
  const again = (await open(t, { folder })).queue;
  assert.deepEqual(await bodies(again), acknowledged);
  assert.equal(again.topicTotals(TOPIC).dead, 1);
});

test("a queue in constant use keeps its files small, its waiting messages, and every outcome", async (t) => {
  const { queue, folder } = await open(t, { segmentBytes: 4_000, idempotencyWindowMs: 50 });
  const waiting = Array.from({ length: 20 }, (_, i) => `waiting ${i}`);
  for (const text of waiting) await add(queue, text, { topic: "acme/later", dueMs: Date.now() + 1e9 });
  const note = Buffer.from("note");
  const workers = Array.from({ length: 8 }, async (_, worker) => {
    for (let round = 0; round < 60; round++) {
      await add(queue, `${worker} ${round} ${"x".repeat(100)}`, { idempotencyKey: `${worker} ${round}` });
      const leases = await queue.lease(TOPIC, 2, LONG_MS);
      await Promise.all(
        leases.map(({ attempt }, i) => {
          const lease = leases[i] as (typeof leases)[number];
          if (attempt === 1) return queue.settle(lease, { type: "retry", note, dueMs: Date.now() });
          return queue.settle(lease, { type: "done", note, keepMs: round % 10 === 0 ? 1e9 : 0 });
        }),
      );
    }
  });
  await Promise.all(workers);
  const listed = async (from: Queue) => {
    const states = from.list({ group: "acme", limit: 1e6 }).map(({ id }) => id);
    const read = await Promise.all(states.map((id) => from.read(id)));
    return read.map((message) => message && { ...message, status: message.status.replace("leased", "waiting") });
  };
  // Each write looks for something to remove.
  await eventually("most of the journal was removed", async () => {
    await add(queue, "", { idempotencyKey: "tick" });
    return sizeOf(folder) < 40_000;
  });
  const before = await listed(queue);
  assert.ok(before.some((message) => message?.status === "done"));
  await queue[Symbol.asyncDispose]();
  const again = (await open(t, { folder })).queue;
  assert.deepEqual(await listed(again), before);
  assert.deepEqual(
    (await bodies(again)).filter((body) => body?.startsWith("waiting")),
    waiting,
  );
});

test("an outcome that is written while its message is copied is in the copy", async (t) => {
  const folder = tempDir("queue");
  // Enough segments for the oldest to be copied after the first write.
  for (let segment = 0; segment < 12; segment++) {
    const { queue } = await open(t, { folder });
    await add(queue, `${segment}`);
    await queue[Symbol.asyncDispose]();
  }
  const { promise: gate, resolve: openGate } = Promise.withResolvers<void>();
  // One for opening and three for the segment that the lease begins; the outcome is held up.
  let checks = 4;
  const { queue } = await open(t, { folder, assertLockHeld: async () => (--checks < 0 ? gate : undefined) });
  const [lease] = await queue.lease(TOPIC, 1, LONG_MS);
  assert.equal(lease?.body.toString(), "0");
  const settled = queue.settle(lease, { type: "done", note: Buffer.from("200"), keepMs: LONG_MS });
  await eventually("the outcome is held up", () => checks < 0);
  await delay(20);
  openGate();
  assert.equal(await settled, true);
  await eventually("the segment is removed", () => !segments(folder)[0]?.includes("0000000001."));
  await queue[Symbol.asyncDispose]();
  const again = (await open(t, { folder })).queue;
  assert.equal(again.find(lease.id)?.status, "done");
  assert.deepEqual((await again.read(lease.id))?.notes.map(String), ["200"]);
});
