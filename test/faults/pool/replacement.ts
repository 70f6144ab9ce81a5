import type { FaultOptions, FaultRow } from "../part.ts";
import { processesOf } from "../pod-processes.ts";
import { isAnswered } from "./calls.ts";
import type { PoolFault } from "./pool-fault.ts";
import { lastingDifferences, type Pod, untilWaiting, WarmOrganization } from "./warm-organization.ts";

/** Endpoints whose only replica ends, in turns: each one has worked for half a minute before, as one that does not fail all the time. */
const NAMES = ["a", "b", "c", "d", "e", "f", "g", "h"];
const ROUNDS = 30;
/** Rounds after which the objects are compared. */
const COMPARE_AFTER = 5;
/** Time in which the next call should be answered. */
const GOAL_MS = 1_000;

type End = "killed" | "out of memory";

/** The only replica of an endpoint ends while a warm pod waits: measures the time until the next call is answered. */
export const replacement: PoolFault = { name: "replica-replaced", run };

async function run({ long, print }: FaultOptions): Promise<readonly FaultRow[]> {
  await using organization = await WarmOrganization.start({ args: ["--pool-size", "2"] });
  for (const name of NAMES) await organization.deploy(name, { idleTimeout: "never", replicas: 1, memory: "96Mi" });
  const ends: readonly End[] = ["killed", "out of memory"];
  const times = new Map<End, number[]>(ends.map((end) => [end, []]));
  const lost = new Map<End, number>();
  const rounds = long ? ROUNDS : 2;
  for (let round = 0; round < rounds * ends.length; round++) {
    const end = ends[round % ends.length] as End;
    const name = NAMES[Math.floor(round / ends.length) % NAMES.length] as string;
    const { tookMs, found } = await oneRound(organization, name, end);
    times.get(end)?.push(tookMs);
    if ((round + 1) % COMPARE_AFTER === 0)
      found.push(...(await lastingDifferences(organization.served, organization.endpoints)));
    for (const line of found) print(`replica ${end}, round ${round}: ${line}`);
    lost.set(end, (lost.get(end) ?? 0) + found.length);
    if ((round + 1) % 20 === 0) print(`replica replaced: ${round + 1} rounds`);
  }
  return ends.map((end) => ({
    what: `the only replica ${end}, with a warm pod that waits`,
    faults: rounds,
    tried: rounds,
    of: "calls",
    lost: lost.get(end) ?? 0,
    seen: textOf(times.get(end) ?? []),
  }));
}

async function oneRound(organization: WarmOrganization, name: string, end: End) {
  const { served } = organization;
  await untilWaiting(served);
  const { replicas } = await served.ready(name, 1);
  const before = replicas[0]?.id ?? "";
  const endedMs = end === "killed" ? await kill(organization, before) : await fill(organization, name);
  const outcome = await organization.call(name);
  const found = isAnswered(outcome) ? [] : [`${name}: ${outcome.status ?? "no response"} ${outcome.text}`];
  await served.until(name, "served by another replica", (view) => view.replicas.every(({ id }) => id !== before));
  return { tookMs: outcome.endedMs - endedMs, found };
}

/** Kills the process of a replica, and returns when. */
async function kill({ served }: WarmOrganization, replica: string): Promise<number> {
  const pod = await served.api.get<Pod>("Pod", `faas-${served.org}`, replica.replace(/\.\d+$/, ""));
  const processes = await processesOf(pod as Pod);
  const killedMs = performance.now();
  for (const pid of processes) process.kill(pid, "SIGKILL");
  return killedMs;
}

/** Uses up the memory of a replica by a call, and returns when that failed. */
async function fill({ served }: WarmOrganization, name: string): Promise<number> {
  const response = await fetch(`${served.url}/${served.org}/${name}/fill`, { method: "POST" });
  const endedMs = performance.now();
  const text = await response.text();
  if (response.status !== 502) throw new Error(`a call that uses up the memory: ${response.status} ${text}`);
  return endedMs;
}

function textOf(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => `${Math.round(sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0)} ms`;
  const late = sorted.filter((ms) => ms > GOAL_MS).length;
  return `until the next answer: median ${at(0.5)}, p95 ${at(0.95)}, longest ${at(1)}; ${late} of ${sorted.length} above 1 s`;
}
