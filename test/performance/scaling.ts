/**
 * `node --conditions=faas-source --import tsx test/performance/scaling.ts`: an hour of load, simulated in about a second, with the scaler of
 * the server and with an autoscaler by CPU. Draws docs/scaling-light.svg and docs/scaling-dark.svg, and prints the table that docs/scaling.md has.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { drawTimeline, type TimeLine } from "@faas/bench";
import {
  horizontalPodAutoscaler,
  ours,
  type Scenario,
  type Second,
  type Simulated,
  simulate,
  waveAndPeak,
} from "../../packages/server/src/test-simulation.ts";
import { percentile } from "./table.ts";

const hour: Scenario = { seconds: 3600, rate: waveAndPeak, serviceMs: () => 100, coldStartMs: 600, concurrency: 10 };
const bounds = { concurrency: hour.concurrency, least: 1, most: 20 };
const runs: readonly (readonly [string, Simulated])[] = [
  ["faas, by concurrency", simulate(hour, ours(bounds))],
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

process.stdout.write(
  "| simulated | requests | waited for a place longer than 100 ms | p99 of the wait | longest wait | replica-seconds |\n",
);
process.stdout.write("|---|---|---|---|---|---|\n");
for (const [name, { waitedMs, replicaSeconds }] of runs) {
  const long = waitedMs.filter((ms) => ms > 100).length;
  const cells = [
    name,
    waitedMs.length,
    `${((100 * long) / waitedMs.length).toFixed(1)} %`,
    `${percentile([...waitedMs], 0.99).toFixed(0)} ms`,
    `${Math.max(...waitedMs.filter((ms) => ms > 100)).toFixed(0)} ms`,
    replicaSeconds.toFixed(0),
  ];
  process.stdout.write(`| ${cells.join(" | ")} |\n`);
}

function everyNth<T>(all: readonly T[], n: number): T[] {
  return all.filter((_, i) => i % n === 0);
}
