import { setTimeout as delay } from "node:timers/promises";
import type { Measured, NamedRun } from "@faas/bench";
import { type EndpointRef, endpointKey, FaasError, type StartStage } from "@faas/core";
import type { Client } from "../client/client.ts";
import type { BenchOptions } from "../commands/bench.ts";
import { parseTarget } from "../options/target.ts";
import type { Io } from "../terminal/io.ts";
import { columns } from "../terminal/output.ts";
import { type BenchTarget, endpointTarget, LiveLine, run } from "./run.ts";
import { changingEndpoint } from "./settings.ts";

/** Until the endpoint is idle again; Kubernetes takes a while to end a pod. */
const IDLE_MOST_MS = 120_000;
const LOOK_MS = 100;
/** A cold start right behind the one before is not what users see: the next blank process, for instance, is not there yet. */
const REST_MS = 1_000;

/** Cold starts, one after the other, and how each went. */
export interface ColdRun {
  readonly named: NamedRun;
  readonly starts: readonly (readonly StartStage[])[];
}

/** Lets the endpoint go idle and calls it, again and again. Its idle timeout is changed for that and put back afterwards, also after Ctrl-C. */
export async function runCold(
  client: Client,
  text: string,
  count: number,
  options: BenchOptions,
  io: Io,
): Promise<ColdRun> {
  const target = await endpointTarget(client, text, options, io);
  const ref = parseTarget(text);
  const requests: Measured[] = [];
  const starts: (readonly StartStage[])[] = [];
  const progress = new LiveLine(io);
  const began = performance.now();
  await changingEndpoint(client, ref, io, async ({ put, before }) => {
    await put({ ...before, idleTimeout: "100ms" });
    while (requests.length < count && !io.signal.aborted) {
      await untilIdle(client, ref, io);
      await delay(REST_MS, undefined, { signal: io.signal });
      const startMs = performance.now() - began;
      const [request] = await callOnce(target, io);
      if (request === undefined) break;
      const { replicas } = await client.endpoint(ref);
      starts.push(replicas.find(({ id }) => id === request.replica)?.start ?? []);
      requests.push({ ...request, startMs });
      progress.show(requests);
    }
  });
  progress.end();
  const { url, method = "GET" } = target.call;
  const load = { kind: "closed", threads: 1, iterations: count } as const;
  const durationMs = performance.now() - began;
  return {
    named: { name: target.name, url, method, load, run: { requests, durationMs, busy: 0 }, replicas: [] },
    starts,
  };
}

async function callOnce({ call }: BenchTarget, io: Io): Promise<readonly Measured[]> {
  return (await run(call, { kind: "closed", threads: 1, iterations: 1 }, io)).requests;
}

async function untilIdle(client: Client, ref: EndpointRef, io: Io): Promise<void> {
  const deadline = Date.now() + IDLE_MOST_MS;
  while (!io.signal.aborted) {
    const { phase, replicas } = await client.endpoint(ref);
    if (phase === "idle" && replicas.length === 0) return;
    if (Date.now() > deadline)
      throw new FaasError(
        "NOT_IDLE",
        `${endpointKey(ref)} did not go idle within ${IDLE_MOST_MS / 1000} s: somebody calls it`,
      );
    await delay(LOOK_MS);
  }
}

/** A row for each stage: when it was seen, in milliseconds since the replica was asked for, and how long after the stage before. */
export function formatStages(starts: ColdRun["starts"]): string {
  const names = new Map<string, { at: number[]; took: number[] }>();
  for (const start of starts) {
    let last = 0;
    for (const { stage, atMs } of start.toSorted((a, b) => a.atMs - b.atMs)) {
      const times = names.get(stage) ?? { at: [], took: [] };
      times.at.push(atMs);
      times.took.push(atMs - last);
      names.set(stage, times);
      last = atMs;
    }
  }
  const middle = (values: number[]) =>
    (values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? 0).toFixed(1);
  const rows = [...names].map(([stage, { at, took }]) => [
    stage,
    `${middle(took)} ms`,
    `${middle(at)} ms`,
    String(at.length),
  ]);
  return columns(["STAGE", "TAKES", "SEEN AFTER", "OF STARTS"], rows);
}
