/**
 * `process.ts PLACE REPORT SEED LIFE`: uses a queue, in a folder or at the URL of a NATS server, as fast as it can, until it is killed. Each change and its
 * acknowledgement is a line of the file REPORT.
 */
import { randomBytes } from "node:crypto";
import { openSync, writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { seeded } from "@faas/testing";
import { openJournalQueue } from "../../../packages/server/src/queue/journal/journal-queue.ts";
import { openNatsQueue } from "../../../packages/server/src/queue/nats/nats-queue.ts";
import type { Outcome } from "../../../packages/server/src/queue/queue.ts";

const TOPICS = ["acme/a", "acme/b"];
const WORKERS = 8;
/** Idempotency keys of a life; some are those of the life before. */
const KEYS = 40;
/** Messages from which on none is added, so that lives stay short. */
const MANY = 200;
const KEEP_MS = 1e9;

const [place, file, seed, life] = process.argv.slice(2) as [string, string, string, string];
const random = seeded(Number(seed));
const below = (count: number) => Math.floor(random() * count);
const output = openSync(file, "w");
// Synchronous: a line is in the file before the next change, so it is not lost with the process.
const report = (fields: readonly unknown[]) => writeSync(output, `${JSON.stringify(fields)}\n`);

const queue = await (place.startsWith("nats:")
  ? openNatsQueue({ url: place, instance: "faults" })
  : openJournalQueue({ folder: place, segmentBytes: 32_000 }));
process.stdout.write("opened");

async function add(topic: string): Promise<void> {
  const key = random() < 0.3 ? `key ${(Number(life) * KEYS) / 2 + below(KEYS)}` : undefined;
  const body = `${randomBytes(6).toString("hex")} ${"x".repeat(below(1_000))}`;
  const order = random() < 0.3 ? { orderKey: `order ${below(3)}` } : {};
  const message = { topic, body: Buffer.from(body), ...order, ...(key ? { idempotencyKey: key } : {}) };
  report(["adding", topic, key ?? "", body]);
  const { id, isDuplicate } = await queue.enqueue(message);
  report(["added", id, topic, key ?? "", body, isDuplicate]);
}

async function work(topic: string): Promise<void> {
  for (const lease of await queue.lease(topic, 1 + below(3), 60_000)) {
    const dice = random();
    const note = Buffer.from(`note ${below(1_000_000)}`);
    const outcome: Outcome =
      dice < 0.7
        ? { type: "done", note, keepMs: dice < 0.6 ? 0 : KEEP_MS }
        : dice < 0.85
          ? { type: "retry", note, dueMs: Date.now() + 5 }
          : { type: "dead", note, keepMs: KEEP_MS };
    report(["changing", lease.id]);
    const isSettled = await queue.settle(lease, outcome);
    const status = outcome.type === "retry" ? "waiting" : dice < 0.6 ? "removed" : outcome.type;
    report(["changed", lease.id, ...(isSettled ? [status, note.toString()] : [])]);
  }
  const [old] = queue.list({ group: "acme", topic, status: ["dead", "done"], limit: 1 });
  if (!old || random() < 0.5) return;
  report(["changing", old.id]);
  const isReplayed = old.status === "dead" && random() < 0.5;
  const isChanged = await (isReplayed ? queue.replay(old.id) : queue.drop(old.id));
  report(["changed", old.id, ...(isChanged ? [isReplayed ? "waiting" : "removed"] : [])]);
}

for (let worker = 0; worker < WORKERS; worker++) {
  void (async () => {
    for (;;) {
      const topic = TOPICS[below(TOPICS.length)] as string;
      if (queue.groupTotals("acme").waiting < MANY && random() < 0.6) await add(topic);
      else await work(topic);
      await delay(0);
    }
  })();
}
