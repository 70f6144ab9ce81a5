import { existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { eventually } from "@faas/testing";
import type { FaultOptions, FaultRow } from "../part.ts";
import { processesOf } from "../pod-processes.ts";
import { isAnswered, type Outcome } from "./calls.ts";
import type { PoolFault } from "./pool-fault.ts";
import { lastingDifferences, type Pod, untilWaiting, WarmOrganization } from "./warm-organization.ts";

type End = "killed" | "out of memory";

/** Endpoints whose only replica ends, in turns: each one has worked for half a minute before, as one that does not fail all the time. */
const NAMES = ["a", "b", "c", "d", "e", "f", "g", "h"];
const ROUNDS: Readonly<Record<End, number>> = { killed: 30, "out of memory": 10 };
/** Time between two calls after the end. */
const STEP_MS = 50;
/** Rounds after which the objects are compared. */
const COMPARE_AFTER = 5;
/** Time in which the next call should be answered. */
const GOAL_MS = 1_000;

/** The only replica of an endpoint ends while a warm pod waits: measures the time until the next call is answered. */
export const replacement: PoolFault = { name: "replica-replaced", run };

async function run({ long, print }: FaultOptions): Promise<readonly FaultRow[]> {
  await using organization = await WarmOrganization.start({ args: ["--pool-size", "2"] });
  for (const name of NAMES) await organization.deploy(name, { idleTimeout: "never", replicas: 1, memory: "96Mi" });
  const rows: FaultRow[] = [];
  let turn = 0;
  for (const end of ["out of memory", "killed"] as const) {
    const rounds = long ? ROUNDS[end] : 2;
    const times: number[] = [];
    const lost: string[] = [];
    for (let round = 1; round <= rounds; round++) {
      const name = NAMES[turn++ % NAMES.length] as string;
      const { tookMs, found } = await oneRound(organization, name, end);
      times.push(tookMs);
      if (round % COMPARE_AFTER === 0)
        found.push(...(await lastingDifferences(organization.served, organization.endpoints)));
      for (const line of found) print(`replica ${end}, round ${round}: ${line}`);
      lost.push(...found);
      if (round % 10 === 0) print(`replica ${end}: ${round} rounds, ${textOf(times)}`);
    }
    rows.push({
      what: `the only replica ${end}, with a warm pod that waits`,
      faults: rounds,
      tried: organization.calls.outcomes.length - rows.reduce((sum, { tried }) => sum + tried, 0),
      of: "calls",
      lost: lost.length,
      seen: textOf(times),
    });
  }
  return rows;
}

async function oneRound(organization: WarmOrganization, name: string, end: End) {
  const { served } = organization;
  await untilWaiting(served);
  const { replicas } = await served.ready(name, 1);
  const before = replicas[0]?.id ?? "";
  const pod = await served.api.get<Pod>("Pod", `faas-${served.org}`, before.replace(/\.\d+$/, ""));
  const processes = await processesOf(pod as Pod);
  const fill = end === "killed" ? undefined : fillMemory(organization, name);
  if (end === "killed") for (const pid of processes) process.kill(pid, "SIGKILL");
  else await eventually("the process has ended", () => !existsSync(`/proc/${processes[0]}`));
  const endedMs = performance.now();
  // It is awaited below.
  fill?.catch(() => {});
  const outcomes = await callUntilAnswered(organization, name);
  await fill;
  const found = outcomes.filter((each) => !isAnswered(each)).map(({ status, text }) => `${name}: ${status} ${text}`);
  await served.until(name, "served by another replica", (view) => view.replicas.every(({ id }) => id !== before));
  return { tookMs: Math.min(...outcomes.filter(isAnswered).map((each) => each.endedMs)) - endedMs, found };
}

/** Uses up the memory of a replica by a call, which has to fail. */
async function fillMemory({ served }: WarmOrganization, name: string): Promise<void> {
  const { status, text } = await fetch(`${served.url}/${served.org}/${name}/fill`, { method: "POST" }).then(
    async (response) => ({ status: response.status, text: await response.text() }),
  );
  if (status !== 502) throw new Error(`a call that uses up the memory: ${status} ${text}`);
}

/** Calls an endpoint every few milliseconds until one of the calls is answered, and waits for all of them: the first ones may reach the ending process. */
async function callUntilAnswered(organization: WarmOrganization, name: string): Promise<readonly Outcome[]> {
  const calls: Promise<Outcome>[] = [];
  let isOver = false;
  while (!isOver) {
    const call = organization.call(name);
    calls.push(call);
    void call.then(() => {
      isOver = true;
    });
    await delay(STEP_MS);
  }
  return Promise.all(calls);
}

function textOf(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => `${Math.round(sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0)} ms`;
  const late = sorted.filter((ms) => ms > GOAL_MS).length;
  return `until the next answer: median ${at(0.5)}, p95 ${at(0.95)}, longest ${at(1)}; ${late} of ${sorted.length} above 1 s`;
}
