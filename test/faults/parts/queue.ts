import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Random, seeded, tempDir } from "@faas/testing";
import { openJournalQueue } from "../../../packages/server/src/queue/journal/journal-queue.ts";
import { type FaultOptions, type FaultResult, resultOf } from "../part.ts";
import { QueueLedger } from "../queue/ledger.ts";

const program = join(import.meta.dirname, "../queue/process.ts");
const KILLS = 1_000;
const MAX_MS = 240_000;
/** Queues that are killed at the same time, each in its folder. */
const QUEUES = 2;
const MAX_LIFE_MS = 150;

/** Kills processes that use a queue: everything that was acknowledged is there, and no idempotency key has two messages. */
export async function run({ long, seed, print }: FaultOptions): Promise<FaultResult> {
  const kills = long ? KILLS : 6;
  const deadline = performance.now() + MAX_MS;
  const ledgers = await Promise.all(
    Array.from({ length: QUEUES }, (_, index) => killOne(seed + index, kills / QUEUES, deadline)),
  );
  for (const { lost } of ledgers.map(({ ledger }) => ledger)) for (const line of lost.slice(0, 20)) print(line);
  const sum = (figure: (one: (typeof ledgers)[number]) => number) => ledgers.reduce((all, one) => all + figure(one), 0);
  const row = {
    what: "kill -9 of a process with a queue",
    faults: sum((one) => one.kills),
    tried: sum((one) => one.ledger.acknowledged),
    of: "changes of the queue",
    lost: sum((one) => one.ledger.lost.length),
  };
  return resultOf([row], print);
}

async function killOne(seed: number, kills: number, deadline: number) {
  const parent = tempDir("queue-faults");
  const folder = join(parent, "queue");
  const random = seeded(seed);
  const ledger = new QueueLedger();
  let life = 0;
  for (; life < kills && performance.now() < deadline; life++) {
    const report = join(parent, "report");
    await liveAndDie([folder, report, String(seed + life), String(life)], random);
    ledger.note(await readFile(report, "utf8"));
    await using queue = await openJournalQueue({ folder });
    await ledger.compare(queue);
  }
  return { ledger, kills: life };
}

/** Runs a process until a random moment after it has opened the queue. */
async function liveAndDie(args: readonly string[], random: Random): Promise<void> {
  const node = ["--conditions=faas-source", "--import", "tsx", program, ...args];
  const child = spawn(process.execPath, node, { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  await Promise.race([once(child.stdout, "data"), exited]);
  await delay(random() * MAX_LIFE_MS);
  if (!child.kill("SIGKILL")) throw new Error(`The process ended by itself with ${child.exitCode}`);
  await exited;
}
