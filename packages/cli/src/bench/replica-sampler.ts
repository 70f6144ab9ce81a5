import type { ReplicaSample } from "@faas/bench";
import type { ProgressLine } from "./progress-line.ts";
import type { BenchTarget } from "./target.ts";

const INTERVAL_MS = 250;

/** Samples the number of ready replicas of a target until it is disposed. */
export function sampleReplicas(
  { countReplicas }: BenchTarget,
  samples: ReplicaSample[],
  progress: ProgressLine,
): AsyncDisposable {
  if (!countReplicas) return { [Symbol.asyncDispose]: async () => {} };
  const startedAt = performance.now();
  let pending: Promise<void> | undefined;
  const sample = async () => {
    // A failed sample leaves a gap in a chart; it does not end the measurement.
    const ready = await countReplicas().catch(() => undefined);
    pending = undefined;
    if (ready === undefined) return;
    samples.push({ atMs: performance.now() - startedAt, ready });
    progress.replicas = ready;
  };
  const tick = () => {
    pending ??= sample();
  };
  tick();
  const timer = setInterval(tick, INTERVAL_MS);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await pending;
    },
  };
}
