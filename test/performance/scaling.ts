/**
 * `node --conditions=faas-source --import tsx test/performance/scaling.ts`: simulates an hour of load with the server's scaler and with an autoscaler by CPU,
 * in about a second. Draws docs/scaling-light.svg and docs/scaling-dark.svg, and prints the table in docs/scaling.md.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { drawTimeline, type TimeLine } from "@faas/bench";
import { exponential } from "@faas/testing";
import {
  concurrencyScaler,
  horizontalPodAutoscaler,
  type Scenario,
  type Second,
  type Simulated,
  simulate,
  waveAndPeak,
} from "../../packages/server/src/testing/simulations/scaling-simulation.ts";
import { percentile } from "./rig/table.ts";

const hour: Scenario = { seconds: 3600, rate: waveAndPeak, serviceMs: () => 100, coldStartMs: 600, concurrency: 10 };
const bounds = { concurrency: hour.concurrency, minReplicas: 1, maxReplicas: 20 };
const runs: readonly (readonly [string, Simulated])[] = [
  ["faas, by concurrency", simulate(hour, concurrencyScaler(bounds))],
  ["HPA by CPU, 60 %, every 15 s", simulate(hour, horizontalPodAutoscaler(bounds))],
];

const lines = (value: (second: Second) => number): TimeLine[] =>
  runs.map(([name, { seconds }], look) => ({
    name,
    look,
    points: seconds.map((second) => [second.second / 60, value(second)] as const),
  }));
const requests = (runs[0]?.[1].seconds ?? []).map(({ second, arrived }) => [second / 60, arrived] as const);
const svgs = await drawTimeline("An hour of load, simulated", "time (min)", [
  { axis: "requests (1/s)", lines: [{ name: "requests", look: 2, points: everyNth(requests, 5) }] },
  { axis: "ready replicas", lines: lines(({ ready }) => ready) },
  { axis: "waiting requests", lines: lines(({ waiting }) => waiting) },
]);
const docs = join(import.meta.dirname, "../../docs");
for (const [theme, svg] of Object.entries(svgs)) await writeFile(join(docs, `scaling-${theme}.svg`), `${svg}\n`);

const columns = [
  "concurrency",
  "ms per request",
  "requests",
  "waited over 100 ms: faas",
  "HPA",
  "replica-seconds: faas",
  "HPA",
];
const row = (cells: readonly (string | number)[]) => process.stdout.write(`| ${cells.join(" | ")} |\n`);
row(columns);
row(columns.map(() => "---"));
const median = (values: readonly number[]) => percentile(values, 0.5);
// Load in proportion to the capacity of a replica; the median of three hours with different random numbers.
for (const [concurrency, serviceMs] of [
  [80, 100],
  [10, 100],
  [10, 500],
  [1, 100],
] as const) {
  const scaled = { concurrency, minReplicas: 1, maxReplicas: 20 };
  const share = (concurrency / 10) * (100 / serviceMs);
  const hours = [1, 2, 3].map((seed) => {
    const varied: Scenario = {
      ...hour,
      concurrency,
      seed,
      rate: (second) => waveAndPeak(second) * share,
      serviceMs: (random) => exponential(random, serviceMs),
    };
    return [concurrencyScaler(scaled), horizontalPodAutoscaler(scaled)].map((scaler) => simulate(varied, scaler));
  });
  const medians = (value: (simulated: Simulated) => number) =>
    [0, 1].map((i) => median(hours.map((pair) => value(pair[i] as Simulated))));
  row([
    concurrency,
    serviceMs,
    medians(({ waitedMs }) => waitedMs.length)[0] as number,
    ...medians(({ waitedMs }) => waitedMs.filter((ms) => ms > 100).length / waitedMs.length).map(
      (part) => `${(part * 100).toFixed(1)} %`,
    ),
    ...medians(({ replicaSeconds }) => replicaSeconds).map((seconds) => seconds.toFixed(0)),
  ]);
}

function everyNth<T>(all: readonly T[], n: number): T[] {
  return all.filter((_, i) => i % n === 0);
}
