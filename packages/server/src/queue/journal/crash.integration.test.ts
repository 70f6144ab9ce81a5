import assert from "node:assert/strict";
import { cpSync, existsSync, readdirSync, statSync, truncateSync } from "node:fs";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { tempDir } from "@faas/testing";
import fc from "fast-check";
import type { Lease, Outcome, Queue } from "../queue.ts";
import { openJournalQueue } from "./journal-queue.ts";
import { readSegment } from "./read-segment.ts";
import { segmentFile } from "./segment.ts";

/** Operation; numbers choose among the messages and leases that there are. */
type Operation =
  | {
      readonly type: "enqueue";
      readonly topic: string;
      readonly bytes: number;
      readonly key: string;
      readonly orderKey: string;
    }
  | { readonly type: "lease"; readonly topic: string; readonly count: number }
  | { readonly type: "settle"; readonly choice: number; readonly outcome: Outcome["type"] }
  | { readonly type: "replay" | "drop"; readonly choice: number }
  | { readonly type: "dropTopic"; readonly topic: string }
  | { readonly type: "wait"; readonly ms: number };

/** Operations that are acknowledged, operations that are under way at the crash, and its moment. */
interface Life {
  readonly acknowledged: readonly Operation[];
  readonly underWay: readonly Operation[];
  readonly turns: number;
  /** Share of the unacknowledged bytes that is on disk. */
  readonly share: number;
  /** True if the file ends there; otherwise zeros follow. */
  readonly isCut: boolean;
}

const topic = fc.constantFrom("acme/a", "acme/b");
const choice = fc.nat(1000);
const enqueue = fc.record({
  type: fc.constant("enqueue" as const),
  topic,
  bytes: fc.nat(400),
  key: fc.constantFrom("", "", "", "k1", "k2", "k3"),
  orderKey: fc.constantFrom("", "", "o"),
});
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 6, arbitrary: enqueue },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant("lease" as const), topic, count: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant("settle" as const),
      choice,
      outcome: fc.constantFrom("done" as const, "retry" as const, "dead" as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constantFrom("replay" as const, "drop" as const), choice }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("dropTopic" as const), topic }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("wait" as const), ms: fc.nat(2_000) }) },
);
const life: fc.Arbitrary<Life> = fc.record({
  acknowledged: fc.array(operation, { minLength: 5, maxLength: 60, size: "max" }),
  underWay: fc.array(operation, { maxLength: 8, size: "max" }),
  turns: fc.nat(6),
  share: fc.double({ min: 0, max: 1, noNaN: true }),
  isCut: fc.boolean(),
});

const KEEP_MS = 1_000;
const SEGMENT_BYTES = 1_500;
const LEASE_MS = 1e9;

/** Message as it has to be. */
interface Expected {
  readonly id: string;
  readonly topic: string;
  readonly body: string;
  status: "waiting" | "done" | "dead";
  keepUntilMs: number;
  notes: string[];
}

/** Simple queue that never crashes. */
class Model {
  nowMs = 1e12;
  messages = new Map<string, Expected>();
  readonly keys = new Map<string, string>();
  leases: Lease[] = [];
  /** Topic and idempotency key of each body. */
  readonly keyOfBody = new Map<string, string>();
  #bodies = 0;

  body(bytes: number): Buffer {
    return Buffer.from(`${++this.#bodies}${"x".repeat(bytes)}`);
  }

  expire(): void {
    for (const { id, status, keepUntilMs } of this.messages.values())
      if (status !== "waiting" && keepUntilMs <= this.nowMs) this.messages.delete(id);
  }

  pick(choice: number): string {
    const ids = [...this.messages.keys()];
    return ids[choice % ids.length] ?? "none";
  }
}

async function apply(queue: Queue, model: Model, operation: Operation): Promise<void> {
  switch (operation.type) {
    case "enqueue": {
      const { topic, key, orderKey } = operation;
      const body = model.body(operation.bytes);
      if (key) model.keyOfBody.set(body.toString(), topic + key);
      const receipt = await queue.enqueue({
        topic,
        body,
        ...(key ? { idempotencyKey: key } : {}),
        ...(orderKey ? { orderKey } : {}),
      });
      const known = key ? model.keys.get(topic + key) : undefined;
      assert.deepEqual(receipt, { id: known ?? receipt.id, isDuplicate: known !== undefined });
      if (key) model.keys.set(topic + key, receipt.id);
      if (receipt.isDuplicate) return;
      const { id } = receipt;
      model.messages.set(id, { id, topic, body: body.toString(), status: "waiting", keepUntilMs: 0, notes: [] });
      return;
    }
    case "lease":
      model.leases.push(...(await queue.lease(operation.topic, operation.count, LEASE_MS)));
      return;
    case "settle":
      return settle(queue, model, operation.choice, operation.outcome);
    case "replay": {
      const message = model.messages.get(model.pick(operation.choice));
      if (message && (await queue.replay(message.id))) message.status = "waiting";
      return;
    }
    case "drop": {
      const id = model.pick(operation.choice);
      assert.equal(await queue.drop(id), model.messages.delete(id));
      return;
    }
    case "dropTopic":
      await queue.dropTopic(operation.topic);
      for (const { id, topic } of model.messages.values()) if (topic === operation.topic) model.messages.delete(id);
      return;
    case "wait":
      model.nowMs += operation.ms;
      model.expire();
  }
}

async function settle(queue: Queue, model: Model, choice: number, type: Outcome["type"]): Promise<void> {
  const [lease] = model.leases.splice(choice % Math.max(1, model.leases.length), 1);
  if (!lease) return;
  const note = Buffer.from(`${type} ${choice}`);
  const outcome: Outcome =
    type === "retry" ? { type, note, dueMs: model.nowMs + 100 } : { type, note, keepMs: KEEP_MS };
  const keepUntilMs = model.nowMs + KEEP_MS;
  if (!(await queue.settle(lease, outcome))) return;
  const message = model.messages.get(lease.id) as Expected;
  assert.equal(message.body, lease.body.toString());
  message.status = type === "retry" ? "waiting" : type;
  message.keepUntilMs = keepUntilMs;
  message.notes.push(note.toString());
}

/** Returns the segments with the ends of their last whole frames: zeros may follow. Compaction may remove a segment meanwhile. */
async function segmentsOf(folder: string) {
  const names = readdirSync(folder).filter((name) => name.endsWith(".segment"));
  const segments = await Promise.all(
    names.sort().map(async (name) => {
      const number = Number.parseInt(name, 10);
      try {
        const { segment } = await readSegment(folder, number);
        await segment.close();
        return { number, bytes: segment.bytes };
      } catch (error) {
        if (existsSync(segmentFile(folder, number))) throw error;
        return undefined;
      }
    }),
  );
  return segments.filter((segment) => segment !== undefined);
}

/** Copies the folder as a crash would leave it; of what is not acknowledged, a part is missing: it is cut off, or still zeros. */
async function crash(folder: string, before: Awaited<ReturnType<typeof segmentsOf>>, { share, isCut }: Life) {
  const copy = tempDir("queue-crash");
  cpSync(folder, copy, { recursive: true });
  const after = await segmentsOf(copy);
  const [last, lastBefore] = [after.at(-1), before.at(-1)];
  // Otherwise files were added or removed meanwhile, and what precedes that was on disk.
  const hasOnlyGrown =
    last && after.length === before.length && after.every(({ number }, i) => number === before[i]?.number);
  if (!hasOnlyGrown || !lastBefore) return copy;
  const file = segmentFile(copy, last.number);
  const kept = lastBefore.bytes + Math.floor((last.bytes - lastBefore.bytes) * share);
  const { size } = statSync(file);
  truncateSync(file, kept);
  if (!isCut) truncateSync(file, size);
  return copy;
}

const visible = (queue: Queue) => queue.list({ group: "acme", limit: 1e6 }).toReversed();

/** Compares a queue with the model, except for messages whose state is not certain. */
async function check(queue: Queue, model: Model, uncertain: ReadonlySet<string>): Promise<void> {
  model.expire();
  const states = visible(queue);
  const expected = [...model.messages.values()].filter(({ id }) => !uncertain.has(id));
  assert.deepEqual(
    states
      .filter(({ id }) => model.messages.has(id) && !uncertain.has(id))
      .map(({ id, status }) => [id, status === "leased" ? "waiting" : status]),
    expected.map(({ id, status }) => [id, status]),
  );
  for (const { id, status, body, notes } of expected) {
    const read = await queue.read(id);
    assert.equal(read?.body?.toString(), status === "done" ? undefined : body);
    assert.deepEqual(read?.notes.map(String), notes);
  }
}

/** Adds messages to the model that were under way at the crash and are there, and the states of those that are not certain. */
async function adopt(queue: Queue, model: Model, underWay: number, uncertain: ReadonlySet<string>): Promise<void> {
  const messages = new Map<string, Expected>();
  let added = 0;
  for (const { id, status } of visible(queue)) {
    const read = await queue.read(id);
    const known = model.messages.get(id);
    if (known && !uncertain.has(id)) {
      messages.set(id, known);
      continue;
    }
    if (!known) added++;
    const body = read?.body?.toString() ?? (known?.body as string);
    const key = model.keyOfBody.get(body);
    if (key) {
      assert.equal(model.keys.get(key) ?? id, id, `two messages with the key ${key}`);
      model.keys.set(key, id);
    }
    messages.set(id, {
      id,
      topic: read?.topic as string,
      body,
      status: status as Expected["status"],
      keepUntilMs: read?.keepUntilMs ?? 0,
      notes: read?.notes.map(String) ?? [],
    });
  }
  assert.ok(added <= underWay, `${added} messages were added, expected at most ${underWay}`);
  model.messages = messages;
}

/** Returns the messages that operations may change. */
function affectedBy(operations: readonly Operation[], model: Model): Set<string> {
  const ids = operations.flatMap((operation) => {
    if (operation.type === "settle") return model.leases.map(({ id }) => id);
    if (operation.type === "replay" || operation.type === "drop") return [model.pick(operation.choice)];
    if (operation.type !== "dropTopic") return [];
    return [...model.messages.values()].filter(({ topic }) => topic === operation.topic).map(({ id }) => id);
  });
  return new Set(ids);
}

/** Runs a queue until it crashes; opens it again and compares. */
async function live(queue: Queue, folder: string, model: Model, life: Life) {
  for (const operation of life.acknowledged) await apply(queue, model, operation);
  await check(queue, model, new Set());
  const underWay = life.underWay.filter(({ type }) => type !== "wait");
  const before = await segmentsOf(folder);
  const [messages, keys] = [structuredClone(model.messages), [...model.keys]];
  const uncertain = affectedBy(underWay, model);
  const pending = underWay.map((operation) => apply(queue, model, operation).catch(() => {}));
  for (let turn = 0; turn < life.turns; turn++) await nextTurn();
  const copy = await crash(folder, before, life);
  await Promise.all(pending);
  await queue[Symbol.asyncDispose]();
  model.messages = messages;
  model.keys.clear();
  for (const [key, id] of keys) model.keys.set(key, id);
  model.leases = [];
  return { copy, uncertain, added: underWay.filter(({ type }) => type === "enqueue").length };
}

test("nothing that was acknowledged is lost by a crash at any byte, and no key is there twice", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 4 }), async (lives) => {
      const model = new Model();
      let folder = tempDir("queue-crash");
      const options = { now: () => model.nowMs, segmentBytes: SEGMENT_BYTES };
      let queue = await openJournalQueue({ folder, ...options });
      try {
        for (const each of lives) {
          const { copy, uncertain, added } = await live(queue, folder, model, each);
          folder = copy;
          queue = await openJournalQueue({ folder, ...options });
          await check(queue, model, uncertain);
          await adopt(queue, model, added, uncertain);
          for (const [topicAndKey, id] of model.keys) {
            const [topic, key] = [topicAndKey.slice(0, 6), topicAndKey.slice(6)];
            const receipt = await queue.enqueue({ topic, body: Buffer.from("again"), idempotencyKey: key });
            assert.deepEqual(receipt, { id, isDuplicate: true });
          }
        }
      } finally {
        await queue[Symbol.asyncDispose]();
      }
    }),
    { numRuns: 60, interruptAfterTimeLimit: 20_000 },
  );
});
