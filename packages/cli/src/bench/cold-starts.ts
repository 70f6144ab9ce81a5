import { setTimeout as delay } from "node:timers/promises";
import type { NamedRun, RequestResult } from "@faas/bench";
import { type EndpointRef, endpointKey, FaasError, type StartStage } from "@faas/core";
import type { Client } from "../client/client.ts";
import { parseTarget } from "../options/target.ts";
import type { Io } from "../terminal/io.ts";
import { columns } from "../terminal/output.ts";
import { runLoad } from "./load.ts";
import type { BenchOptions } from "./options.ts";
import { ProgressLine } from "./progress-line.ts";
import { type BenchTarget, endpointTarget } from "./target.ts";
import { withTemporarySettings } from "./temporary-settings.ts";

/** Time limit for the endpoint to go idle; Kubernetes takes a while to end a pod. */
const IDLE_TIMEOUT_MS = 120_000;
const POLL_MS = 100;
/** Pause before a cold start. Without it the next prewarmed process, for example, would not be ready, which users do not see. */
const PAUSE_MS = 1_000;

interface ColdStarts {
  readonly run: NamedRun;
  readonly starts: readonly (readonly StartStage[])[];
}

/** Measures cold starts one after another: lets the endpoint go idle, then calls it. Its idle timeout is changed meanwhile. */
export async function measureColdStarts(
  client: Client,
  text: string,
  count: number,
  options: BenchOptions,
  io: Io,
): Promise<ColdStarts> {
  const target = await endpointTarget(client, text, options, io);
  const ref = parseTarget(text);
  const requests: RequestResult[] = [];
  const starts: (readonly StartStage[])[] = [];
  const progress = new ProgressLine(io);
  const startedAt = performance.now();
  await withTemporarySettings(client, ref, io, async ({ change }) => {
    await change({ idleTimeout: "100ms" });
    while (requests.length < count && !io.signal.aborted) {
      await waitUntilIdle(client, ref, io);
      await delay(PAUSE_MS, undefined, { signal: io.signal });
      const startMs = performance.now() - startedAt;
      const [request] = await callOnce(target, io);
      if (request === undefined) break;
      const { replicas } = await client.endpoint(ref);
      starts.push(replicas.find(({ id }) => id === request.replica)?.start ?? []);
      requests.push({ ...request, startMs });
      progress.update(requests);
    }
  });
  progress.end();
  const { url, method = "GET" } = target.call;
  const load = { kind: "closed", threads: 1, iterations: count } as const;
  const durationMs = performance.now() - startedAt;
  return {
    run: { name: target.name, url, method, load, run: { requests, durationMs, busy: 0 }, replicas: [] },
    starts,
  };
}

async function callOnce({ call }: BenchTarget, io: Io): Promise<readonly RequestResult[]> {
  return (await runLoad(call, { kind: "closed", threads: 1, iterations: 1 }, io)).requests;
}

async function waitUntilIdle(client: Client, ref: EndpointRef, io: Io): Promise<void> {
  const deadline = Date.now() + IDLE_TIMEOUT_MS;
  while (!io.signal.aborted) {
    const { phase, replicas } = await client.endpoint(ref);
    if (phase === "idle" && replicas.length === 0) return;
    if (Date.now() > deadline)
      throw new FaasError(
        "NOT_IDLE",
        `${endpointKey(ref)} did not go idle within ${IDLE_TIMEOUT_MS / 1000} s: other clients call it`,
      );
    await delay(POLL_MS);
  }
}

/** Formats a row per stage: the median time since the previous stage, and since the request for a replica. */
export function formatStages(starts: ColdStarts["starts"]): string {
  const stages = new Map<string, { at: number[]; took: number[] }>();
  for (const start of starts) {
    let last = 0;
    for (const { stage, atMs } of start.toSorted((a, b) => a.atMs - b.atMs)) {
      const times = stages.get(stage) ?? { at: [], took: [] };
      times.at.push(atMs);
      times.took.push(atMs - last);
      stages.set(stage, times);
      last = atMs;
    }
  }
  const median = (values: number[]) =>
    (values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? 0).toFixed(1);
  const rows = [...stages].map(([stage, { at, took }]) => [
    stage,
    `${median(took)} ms`,
    `${median(at)} ms`,
    String(at.length),
  ]);
  return columns(["STAGE", "TAKES", "SEEN AFTER", "OF STARTS"], rows);
}
