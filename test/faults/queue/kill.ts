import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { type Random, seeded, tempDir } from "@faas/testing";
import type { Queue } from "../../../packages/server/src/queue/queue.ts";
import { QueueLedger } from "./ledger.ts";

const MAX_MS = 600_000;
const MAX_LIFE_MS = 150;

/** Queue whose processes are killed. */
export interface KilledQueue {
  /** Argument of `process.ts` for it. */
  readonly place: string;
  open(): Promise<Queue>;
  /** Causes another fault while a process runs. */
  readonly disturb?: (random: Random) => Promise<void>;
}

/** Kills processes that use a queue, one after another, and compares it with what they acknowledged. */
export async function killProcesses(
  { place, open, disturb }: KilledQueue,
  seed: number,
  kills: number,
): Promise<{ readonly ledger: QueueLedger; readonly kills: number }> {
  const report = join(tempDir("queue-report"), "report");
  const program = await bundle();
  const deadline = performance.now() + MAX_MS;
  const random = seeded(seed);
  const ledger = new QueueLedger();
  let life = 0;
  for (; life < kills && performance.now() < deadline; life++) {
    await liveAndDie([program, place, report, String(seed + life), String(life)], random, disturb);
    ledger.note(await readFile(report, "utf8"));
    await using queue = await open();
    await ledger.compare(queue);
  }
  return { ledger, kills: life };
}

/** Makes one file of the program: it starts ten times as fast as its sources, so most of the time is spent with the queue. */
async function bundle(): Promise<string> {
  const folder = import.meta.dirname;
  const bundled = join(tempDir("queue-process"), "process.mjs");
  const require = `import { createRequire } from "node:module"; const require = createRequire(import.meta.url);`;
  await promisify(execFile)(join(folder, "../../../node_modules/.bin/esbuild"), [
    join(folder, "process.ts"),
    ...["--bundle", "--platform=node", "--format=esm", "--conditions=faas-source", "--log-level=warning"],
    ...[`--banner:js=${require}`, `--outfile=${bundled}`],
  ]);
  return bundled;
}

/** Runs a process until a random moment after it has opened the queue. */
async function liveAndDie(args: readonly string[], random: Random, disturb: KilledQueue["disturb"]): Promise<void> {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  await Promise.race([once(child.stdout, "data"), exited]);
  await disturb?.(random);
  await delay(random() * MAX_LIFE_MS);
  if (!child.kill("SIGKILL")) throw new Error(`The process ended by itself with ${child.exitCode}`);
  await exited;
}
