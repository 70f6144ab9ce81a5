import { setTimeout as delay } from "node:timers/promises";
import type { NamedRun, ReplicaSample } from "@faas/bench";
import { type EndpointRef, parseCpu, type Settings } from "@faas/core";
import type { Client } from "../client/client.ts";
import type { BenchOptions } from "../commands/bench.ts";
import { parseTarget } from "../options/target.ts";
import type { Io } from "../terminal/io.ts";
import { printStatus } from "../terminal/output.ts";
import { endpointTarget, LiveLine, run, sampling } from "./run.ts";
import { changingEndpoint } from "./settings.ts";

interface Experiment {
  readonly name: string;
  readonly iterations: number;
  readonly autoscaling: boolean;
}

/** What the original system was measured with: 10 client threads, with one replica, with autoscaling from one replica, and once more when it has scaled. */
const EXPERIMENTS: readonly Experiment[] = [
  { name: "one replica, 10 x 30", iterations: 30, autoscaling: false },
  { name: "one replica, 10 x 50", iterations: 50, autoscaling: false },
  { name: "autoscaling, 10 x 50", iterations: 50, autoscaling: true },
  { name: "autoscaling when warm, 10 x 50", iterations: 50, autoscaling: true },
];
const THREADS = 10;
const LIMIT_MOST_MS = 60_000;
const LOOK_MS = 200;

/** Runs the experiments on an endpoint, whose scaling is changed for them and put back afterwards, also after Ctrl-C. */
export async function runSuite(client: Client, text: string, options: BenchOptions, io: Io): Promise<NamedRun[]> {
  const target = await endpointTarget(client, text, options, io);
  const ref = parseTarget(text);
  const { scalers } = await client.config();
  const scaler = scalers.includes("cpu") ? "cpu" : "concurrency";
  const runs: NamedRun[] = [];
  let scaling: boolean | undefined;
  await changingEndpoint(client, ref, io, async ({ before, put }) => {
    for (const { name, iterations, autoscaling } of EXPERIMENTS) {
      if (io.signal.aborted) break;
      printStatus(io, name);
      if (autoscaling !== scaling) {
        const most = autoscaling
          ? { maxReplicas: 10, scaler, ...(scaler === "concurrency" ? { concurrency: 1 } : {}) }
          : { maxReplicas: 1, scaler: "fixed" };
        await put({ ...before, replicas: 1, ...most } as Settings);
        await untilAtLimit(client, ref, io);
        scaling = autoscaling;
      }
      const load = { kind: "closed", threads: THREADS, iterations } as const;
      const replicas: ReplicaSample[] = [];
      const progress = new LiveLine(io);
      await using _ = sampling(target, replicas, progress);
      const measured = await run(target.call, load, io, (requests) => progress.show(requests));
      progress.end();
      runs.push({ name, url: target.call.url, method: target.call.method ?? "GET", load, run: measured, replicas });
    }
  });
  return runs;
}

/** Replicas that started just now may have more CPU than their endpoint's limit: that is not what is to be measured. */
async function untilAtLimit(client: Client, ref: EndpointRef, io: Io): Promise<void> {
  const deadline = Date.now() + LIMIT_MOST_MS;
  while (Date.now() < deadline && !io.signal.aborted) {
    const { replicas, settings } = await client.endpoint(ref);
    const limit = parseCpu(settings.cpu) as number;
    if (replicas.every(({ cpuMillis = limit }) => cpuMillis <= limit)) return;
    await delay(LOOK_MS);
  }
}
