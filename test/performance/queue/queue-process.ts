/**
 * `node --expose-gc queue-process.ts speed|fill|reopen FOLDER WAITING [URL]`: uses a queue in a folder, or on the NATS server at the URL, with that many
 * waiting messages, and prints figures of it as JSON.
 */
import { rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { openJournalQueue } from "../../../packages/server/src/queue/journal/journal-queue.ts";
import { openNatsQueue } from "../../../packages/server/src/queue/nats/nats-queue.ts";
import type { Queue } from "../../../packages/server/src/queue/queue.ts";
import { percentile, timed } from "../rig/table.ts";

export interface SpeedFigures {
  /** 99th percentile of a write of 1 KiB and its fdatasync, one at a time. */
  readonly bareMs: number;
  readonly bareMedianMs: number;
  readonly enqueuedPerSecond: number;
  /** 99th percentiles of the time from the call until it is on disk: as fast as possible, and at {@link PACED_PER_SECOND}. */
  readonly saturatedMs: number;
  readonly pacedMs: number;
  readonly settledPerSecond: number;
}

export interface MemoryFigures {
  readonly bytesPerMessage: number;
  readonly residentMiB: number;
  readonly ms: number;
}

const CLIENTS = 64;
const PACED_PER_SECOND = 5_000;
const TURNS = 10;
const TURN_MS = 300;
const WRITES_PER_TURN = 200;
const SMALL_BYTES = 100;
const TOPIC = "acme/mail";
const body = Buffer.alloc(1024, "x");

const [mode, folder = "", waitingText, url] = process.argv.slice(2);
const WAITING = Number(waitingText);
/** A NATS server settles a tenth as many messages per second as the journal. */
const MESSAGES = url ? 10_000 : 40_000;

const openQueue = (path: string): Promise<Queue> =>
  url ? openNatsQueue({ url, instance: "performance" }) : openJournalQueue({ folder: path });

/** Runs work in parallel until `count` calls have begun; returns the time of each. */
async function repeated(clients: number, count: number, work: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  let begun = 0;
  const client = async () => {
    while (begun++ < count) times.push(await timed(work));
  };
  await Promise.all(Array.from({ length: clients }, client));
  return times;
}

/** Measures single writes and enqueued messages in turns, so that other work on the machine affects both alike. */
async function pacedAndBare(
  queue: Queue,
): Promise<{ readonly paced: readonly number[]; readonly bare: readonly number[] }> {
  const [paced, bare]: [number[], number[]] = [[], []];
  const file = join(folder, "bare");
  const handle = await open(file, "w");
  for (let turn = 0; turn < TURNS; turn++) {
    const writes = repeated(1, WRITES_PER_TURN, async () => {
      await handle.write(body);
      await handle.datasync();
    });
    bare.push(...(await writes));
    paced.push(...(await pacedTurn(queue)));
  }
  await handle.close();
  rmSync(file);
  return { paced, bare };
}

/** Enqueues from all clients at an even rate; each waits for its message before the next. */
async function pacedTurn(queue: Queue): Promise<number[]> {
  const times: number[] = [];
  const intervalMs = (CLIENTS * 1000) / PACED_PER_SECOND;
  const began = performance.now();
  const client = async (index: number) => {
    for (let dueMs = (index * intervalMs) / CLIENTS; dueMs < TURN_MS; dueMs += intervalMs) {
      const waitMs = dueMs - (performance.now() - began);
      if (waitMs > 0) await delay(waitMs);
      times.push(await timed(() => queue.enqueue({ topic: TOPIC, body })));
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, index) => client(index)));
  return times;
}

async function settleAll(queue: Queue): Promise<number> {
  let settled = 0;
  const worker = async () => {
    for (;;) {
      const leases = await queue.lease(TOPIC, 16, 60_000);
      if (leases.length === 0) return;
      const outcome = { type: "done", note: Buffer.from("200"), keepMs: 60_000 } as const;
      await Promise.all(leases.map((lease) => queue.settle(lease, outcome)));
      settled += leases.length;
    }
  };
  const ms = await timed(() => Promise.all(Array.from({ length: 4 }, worker)));
  return (settled / ms) * 1000;
}

async function speed(): Promise<SpeedFigures> {
  await using queue = await openQueue(join(folder, "queue"));
  const enqueue = () => queue.enqueue({ topic: TOPIC, body });
  // Compiled code, as in a server that runs for longer.
  await repeated(CLIENTS, MESSAGES / 4, enqueue);
  await settleAll(queue);
  const { bare, paced } = await pacedAndBare(queue);
  let times: number[] = [];
  const ms = await timed(async () => {
    times = await repeated(CLIENTS, MESSAGES, enqueue);
  });
  const p99 = (values: readonly number[]) => percentile(values, 0.99);
  return {
    bareMs: p99(bare),
    bareMedianMs: percentile(bare, 0.5),
    enqueuedPerSecond: (MESSAGES / ms) * 1000,
    saturatedMs: p99(times),
    pacedMs: p99(paced),
    settledPerSecond: await settleAll(queue),
  };
}

/** Measures a queue with many waiting messages, against the same process without them. */
async function waiting(fill: (queue: Queue) => Promise<void>): Promise<MemoryFigures> {
  const before = memory();
  let opened: Queue | undefined;
  const ms = await timed(async () => {
    opened = await openQueue(folder);
    await fill(opened);
  });
  const queue = opened as Queue;
  const { waiting } = queue.topicTotals(TOPIC);
  if (waiting !== WAITING) throw new Error(`Expected ${WAITING} waiting messages, got ${waiting}`);
  const figures = {
    bytesPerMessage: (memory() - before) / WAITING,
    residentMiB: process.memoryUsage.rss() / 2 ** 20,
    ms,
  };
  await queue[Symbol.asyncDispose]();
  return figures;
}

function memory(): number {
  (globalThis as { gc?: () => void }).gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const small = Buffer.alloc(SMALL_BYTES, "x");
const modes: Readonly<Record<string, () => Promise<object>>> = {
  speed,
  fill: () =>
    waiting(async (queue) => {
      await repeated(256, WAITING, () => queue.enqueue({ topic: TOPIC, body: small }));
    }),
  reopen: () => waiting(async () => {}),
};
process.stdout.write(JSON.stringify(await modes[mode ?? ""]?.()));
