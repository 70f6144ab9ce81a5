import type { NamedRun, ReplicaSample } from "@faas/bench";
import { endpointKey, FaasError, parseArtifact, type Settings } from "@faas/core";
import { endpointTarget, LiveLine, run, sampling } from "./bench-run.ts";
import type { Client } from "./client.ts";
import type { BenchOptions } from "./commands/bench.ts";
import type { Io } from "./io.ts";
import { say } from "./output.ts";
import { parseTarget } from "./target.ts";

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
const RESTORE_MS = 30_000;

/** Runs the experiments on an endpoint, whose scaling is changed for them and put back afterwards, also after Ctrl-C. */
export async function runSuite(client: Client, text: string, options: BenchOptions, io: Io): Promise<NamedRun[]> {
  const target = await endpointTarget(client, text, options, io);
  const ref = parseTarget(text);
  const { settings: before, image } = await client.endpoint(ref);
  const artifact = parseArtifact(image);
  if (!artifact)
    throw new FaasError("USAGE", `${endpointKey(ref)} has an artifact that cannot be deployed again: ${image}`);
  const { scalers } = await client.config();
  const scaler = scalers.includes("cpu") ? "cpu" : "concurrency";
  const put = async (settings: Settings, by = client) => {
    const { revision } = await by.putEndpoint(ref, { artifact, settings });
    await by.settled(ref, revision);
  };
  const runs: NamedRun[] = [];
  let scaling: boolean | undefined;
  try {
    for (const { name, iterations, autoscaling } of EXPERIMENTS) {
      if (io.signal.aborted) break;
      say(io, name);
      if (autoscaling !== scaling) {
        const most = autoscaling
          ? { maxReplicas: 10, scaler, ...(scaler === "concurrency" ? { concurrency: 1 } : {}) }
          : { maxReplicas: 1, scaler: "fixed" };
        await put({ ...before, replicas: 1, ...most } as Settings);
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
  } finally {
    // Also when Ctrl-C ended what this client asks.
    await put(before, client.withSignal(AbortSignal.timeout(RESTORE_MS)));
  }
  return runs;
}
