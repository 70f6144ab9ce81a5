import { join } from "node:path";
import { isError, runClosedLoop } from "@faas/bench";
import { percentile, type Row } from "../rig/table.ts";
import type { Bench } from "./bench.ts";
import { Seed } from "./seed.ts";

const ROUNDS = 3;

/** Repeats the original's experiment, 10 threads x 50 matrix inversions, limit 100m, one replica, with faas and its rebuild in turns on the same cluster. */
export async function original(bench: Bench): Promise<Row[]> {
  const demo = join(import.meta.dirname, "../../../templates/python/demo-invert");
  await bench.faas("deploy", demo, "--org", bench.org, "--endpoint", "invert", "--scaler", "fixed", "--replicas", "1");
  await using seed = await Seed.start(bench);
  const ours: number[][] = [];
  const theirs: number[][] = [];
  const rates = { ours: [] as number[], theirs: [] as number[] };
  for (let round = 0; round <= ROUNDS; round++) {
    const measured = {
      ours: await load(`${bench.url}/${bench.org}/invert`),
      theirs: await load(seed.invert),
    };
    // The first round warms up: new replicas still have their startup CPU.
    if (round === 0) continue;
    ours.push(measured.ours.latencies);
    theirs.push(measured.theirs.latencies);
    rates.ours.push(measured.ours.rate);
    rates.theirs.push(measured.theirs.rate);
  }
  const middle = (values: readonly number[]) => percentile(values, 0.5);
  const rate = { ours: middle(rates.ours), theirs: middle(rates.theirs) };
  const p = (share: number) => ({ ours: percentile(ours.flat(), share), theirs: percentile(theirs.flat(), share) });
  const what = "the original's workload, 10 x 50, one replica, limit 100m";
  const latency = (name: string, { ours, theirs }: { ours: number; theirs: number }, goal: number): Row => ({
    measure: `${what}: ${name}`,
    baseline: `the original: ${theirs.toFixed(0)} ms`,
    ours: `${ours.toFixed(0)} ms`,
    value: ours / theirs,
    goal,
    unit: "x",
  });
  return [
    {
      measure: `${what}: rate`,
      baseline: `the original: ${rate.theirs.toFixed(0)}/s`,
      ours: `${rate.ours.toFixed(0)}/s`,
      value: rate.ours / rate.theirs,
      goal: 5,
      unit: "x",
      atLeast: true,
    },
    latency("p50", p(0.5), 0.5),
    latency("p99", p(0.99), 0.2),
  ];
}

async function load(url: string): Promise<{ readonly latencies: number[]; readonly rate: number }> {
  const run = await runClosedLoop({
    url,
    threads: 10,
    iterations: 50,
    headers: { "content-type": "application/json" },
    body: '{"size":100}',
  });
  const failed = run.requests.filter(isError);
  if (failed.length > 0) throw new Error(`${failed.length} calls of ${url} failed: ${JSON.stringify(failed[0])}`);
  return {
    latencies: run.requests.map(({ latencyMs }) => latencyMs),
    rate: (run.requests.length / run.durationMs) * 1000,
  };
}
