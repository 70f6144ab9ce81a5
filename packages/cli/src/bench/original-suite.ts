import { setTimeout as delay } from "node:timers/promises";
import type { NamedRun, ReplicaSample } from "@faas/bench";
import { type EndpointRef, parseCpu, type SettingsInput } from "@faas/core";
import type { Client } from "../client/client.ts";
import { parseTarget } from "../options/target.ts";
import type { Io } from "../terminal/io.ts";
import { printStatus } from "../terminal/output.ts";
import { runLoad } from "./load.ts";
import type { BenchOptions } from "./options.ts";
import { ProgressLine } from "./progress-line.ts";
import { sampleReplicas } from "./replica-sampler.ts";
import { endpointTarget } from "./target.ts";
import { withTemporarySettings } from "./temporary-settings.ts";

interface Experiment {
  readonly name: string;
  readonly iterations: number;
  readonly autoscaling: boolean;
}

/** Experiments of the original system: 10 client threads against one replica, against autoscaling from one replica, and again after it has scaled. */
const EXPERIMENTS: readonly Experiment[] = [
  { name: "one replica, 10 x 30", iterations: 30, autoscaling: false },
  { name: "one replica, 10 x 50", iterations: 50, autoscaling: false },
  { name: "autoscaling, 10 x 50", iterations: 50, autoscaling: true },
  { name: "autoscaling when warm, 10 x 50", iterations: 50, autoscaling: true },
];
const THREADS = 10;
const CPU_LIMIT_TIMEOUT_MS = 60_000;
const POLL_MS = 200;

/** Runs the experiments against an endpoint, whose scaling settings are changed meanwhile. */
export async function runOriginalSuite(
  client: Client,
  text: string,
  options: BenchOptions,
  io: Io,
): Promise<NamedRun[]> {
  const target = await endpointTarget(client, text, options, io);
  const ref = parseTarget(text);
  const { scalers } = await client.config();
  const scaler = scalers.includes("cpu") ? "cpu" : "concurrency";
  const runs: NamedRun[] = [];
  let isAutoscaling: boolean | undefined;
  await withTemporarySettings(client, ref, io, async ({ change }) => {
    for (const { name, iterations, autoscaling } of EXPERIMENTS) {
      if (io.signal.aborted) break;
      printStatus(io, name);
      if (autoscaling !== isAutoscaling) {
        const scaling: SettingsInput = autoscaling
          ? { maxReplicas: 10, scaler, ...(scaler === "concurrency" ? { concurrency: 1 } : {}) }
          : { maxReplicas: 1, scaler: "fixed" };
        await change({ replicas: 1, ...scaling });
        await waitForCpuLimit(client, ref, io);
        isAutoscaling = autoscaling;
      }
      const load = { kind: "closed", threads: THREADS, iterations } as const;
      const replicas: ReplicaSample[] = [];
      const progress = new ProgressLine(io);
      await using _ = sampleReplicas(target, replicas, progress);
      const run = await runLoad(target.call, load, io, (requests) => progress.update(requests));
      progress.end();
      runs.push({ name, url: target.call.url, method: target.call.method ?? "GET", load, run, replicas });
    }
  });
  return runs;
}

/** Waits until no replica has more CPU than the endpoint's limit: starting replicas may, which would distort the results. */
async function waitForCpuLimit(client: Client, ref: EndpointRef, io: Io): Promise<void> {
  const deadline = Date.now() + CPU_LIMIT_TIMEOUT_MS;
  while (Date.now() < deadline && !io.signal.aborted) {
    const { replicas, settings } = await client.endpoint(ref);
    const limit = parseCpu(settings.cpu) as number;
    if (replicas.every(({ cpuMillis = limit }) => cpuMillis <= limit)) return;
    await delay(POLL_MS);
  }
}
