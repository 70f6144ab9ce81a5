import type { Call, Load, NamedRun, ReplicaSample, RequestResult } from "@faas/bench";
import { parseDuration } from "@faas/core";
import type { Io } from "../terminal/io.ts";
import type { BenchOptions } from "./options.ts";
import { ProgressLine } from "./progress-line.ts";
import { sampleReplicas } from "./replica-sampler.ts";
import type { BenchTarget } from "./target.ts";

/** Number of parts in which the load of several targets is interleaved. */
const ROUNDS = 5;

/** Runs the load of the options against each target, in turn. */
export async function runTargets(targets: readonly BenchTarget[], options: BenchOptions, io: Io): Promise<NamedRun[]> {
  const { interleave } = await import("@faas/bench");
  const load = loadOf(options);
  for (const target of targets) await warmUp(target, options, io);
  const rounds = targets.length === 1 ? 1 : Math.min(ROUNDS, load.kind === "closed" ? load.iterations : ROUNDS);
  const progress = new ProgressLine(io);
  const samples: ReplicaSample[][] = targets.map(() => []);
  const runs = targets.map((target, i) => async () => {
    await using _ = sampleReplicas(target, samples[i] as ReplicaSample[], progress);
    // Awaited here, because sampling ends with this block.
    return await runLoad(target.call, divideLoad(load, rounds), io, (requests) => progress.update(requests));
  });
  const done = await interleave(runs, rounds, io.signal);
  progress.end();
  return targets.map(({ name, call: { url, method = "GET" } }, i) => ({
    name,
    url,
    method,
    load,
    run: done[i] as NamedRun["run"],
    // With several targets the samples' clock runs on during other rounds, and is useless.
    replicas: targets.length === 1 ? (samples[i] ?? []) : [],
  }));
}

function loadOf({ rate, duration, arrivals, threads, iterations }: BenchOptions): Load {
  if (rate === undefined) return { kind: "closed", threads, iterations };
  return { kind: "open", rate, durationMs: parseDuration(duration) as number, arrivals };
}

const divideLoad = (load: Load, rounds: number): Load =>
  load.kind === "closed"
    ? { ...load, iterations: Math.ceil(load.iterations / rounds) }
    : { ...load, durationMs: load.durationMs / rounds };

/** Runs one load. */
export async function runLoad(
  call: Call,
  load: Load,
  io: Io,
  onProgress?: (requests: readonly RequestResult[]) => void,
) {
  const { runClosedLoop, runOpenLoop } = await import("@faas/bench");
  const options = { ...call, signal: io.signal, onProgress };
  if (load.kind === "closed") return runClosedLoop({ ...options, ...load });
  return runOpenLoop({ ...options, ...load, arrivals: load.arrivals as BenchOptions["arrivals"] });
}

async function warmUp({ call }: BenchTarget, { warmup, threads }: BenchOptions, io: Io): Promise<void> {
  if (warmup === 0) return;
  const clients = Math.min(warmup, threads);
  await runLoad(call, { kind: "closed", threads: clients, iterations: Math.ceil(warmup / clients) }, io);
}
