import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { drawTimeline, isError, runOpenLoop, type TimeLine } from "@faas/bench";
import type { V1Deployment } from "@kubernetes/client-node";
import type { Row } from "../rig/table.ts";
import type { Bench } from "./bench.ts";

const docs = join(import.meta.dirname, "../../../docs");
/** Function that uses about 20 ms of CPU per call: with a limit of 200m, one replica serves ten calls per second, or fewer on a slower machine. */
const WORKS = `export const handler = () => {
  let sum = 0;
  for (let i = 0; i < 12_000_000; i++) sum += Math.sqrt(i);
  return String(sum);
};
`;
const BEFORE_PER_SECOND = 3;
const STEP_PER_SECOND = 15;
const BEFORE_MS = 15_000;
const STEP_MS = 75_000;
const SAMPLE_MS = 100;

/** Raises the load from a third of a replica's capacity to one and a half times as much, with the scaler of faas and with a HorizontalPodAutoscaler. */
export async function step(bench: Bench): Promise<Row[]> {
  const source = await bench.source("works", { "index.mjs": WORKS });
  const results = [];
  for (const scaler of ["concurrency", "cpu"] as const) {
    const settings = [
      "--scaler",
      scaler,
      "--cpu",
      "200m",
      "--concurrency",
      "2",
      "--max-replicas",
      "5",
      "--idle-timeout",
      "never",
    ];
    await bench.faas("deploy", source, "--org", bench.org, "--endpoint", scaler, ...settings);
    results.push(await run(bench, scaler));
    await bench.faas("remove", `${bench.org}/${scaler}`, "--yes");
  }
  const [ours, theirs] = results as [Result, Result];
  await draw(ours, theirs);
  const seconds = (ms: number | undefined) =>
    ms === undefined ? `none within ${STEP_MS / 1000} s` : `${(ms / 1000).toFixed(2)} s`;
  return [
    {
      measure: "load step: until the second replica is requested",
      baseline: `a HorizontalPodAutoscaler: ${seconds(theirs.askedMs)}`,
      ours: seconds(ours.askedMs),
      value: (ours.askedMs ?? Number.POSITIVE_INFINITY) / 1000,
      goal: 1,
      unit: "s",
    },
    {
      measure: "load step: failed calls",
      baseline: `a HorizontalPodAutoscaler: ${theirs.failed}`,
      ours: String(ours.failed),
      value: ours.failed,
      goal: 0,
      unit: "calls",
    },
  ];
}

interface Result {
  readonly lines: {
    readonly desired: TimeLine["points"];
    readonly ready: TimeLine["points"];
    readonly latency: TimeLine["points"];
  };
  /** Milliseconds from the step to the request for a second replica. */
  readonly askedMs: number | undefined;
  readonly failed: number;
}

async function run(bench: Bench, endpoint: "concurrency" | "cpu"): Promise<Result> {
  const url = `${bench.url}/${bench.org}/${endpoint}`;
  // By then, the startup CPU of the replica is back at its limit.
  await delay(20_000);
  const desired: [number, number][] = [];
  const ready: [number, number][] = [];
  const began = performance.now();
  const sampling = new AbortController();
  const samples = (async () => {
    while (!sampling.signal.aborted) {
      const found = await bench.api.get<V1Deployment>("Deployment", `faas-${bench.org}`, endpoint);
      const at = (performance.now() - began - BEFORE_MS) / 1000;
      desired.push([at, found?.spec?.replicas ?? 0]);
      ready.push([at, found?.status?.readyReplicas ?? 0]);
      await delay(SAMPLE_MS);
    }
  })();
  const before = await runOpenLoop({ url, rate: BEFORE_PER_SECOND, durationMs: BEFORE_MS, arrivals: "fixed" });
  const stepAt = performance.now() - began;
  const after = await runOpenLoop({ url, rate: STEP_PER_SECOND, durationMs: STEP_MS, arrivals: "fixed" });
  sampling.abort();
  await samples;
  const failed = [...before.requests, ...after.requests].filter(isError).length;
  const offset = (stepAt - BEFORE_MS) / 1000;
  const latency = [
    ...before.requests.map(({ startMs, latencyMs }) => [(startMs - BEFORE_MS) / 1000, latencyMs / 1000] as const),
    ...after.requests.map(({ startMs, latencyMs }) => [startMs / 1000 + offset, latencyMs / 1000] as const),
  ].toSorted(([a], [b]) => a - b);
  const asked = desired.find(([at, replicas]) => at >= 0 && replicas > 1);
  return { lines: { desired, ready, latency }, askedMs: asked && (asked[0] - offset) * 1000, failed };
}

async function draw(ours: Result, theirs: Result): Promise<void> {
  const both = (of: keyof Result["lines"]) => [
    { name: "faas, by concurrency", look: 0, points: fromZero(ours.lines[of]) },
    { name: "HorizontalPodAutoscaler, by CPU", look: 1, points: fromZero(theirs.lines[of]) },
  ];
  const { light, dark } = await drawTimeline(
    `Load step at ${BEFORE_MS / 1000} s, from ${BEFORE_PER_SECOND} to ${STEP_PER_SECOND} calls per second`,
    "time (s)",
    [
      { axis: "desired replicas", lines: both("desired") },
      { axis: "ready replicas", lines: both("ready") },
      { axis: "latency (s)", lines: both("latency") },
    ],
  );
  await writeFile(join(docs, "scaling-step-light.svg"), light);
  await writeFile(join(docs, "scaling-step-dark.svg"), dark);
}

/** Shifts times so that the chart starts at 0. */
const fromZero = (points: TimeLine["points"]) => points.map(([at, value]) => [at + BEFORE_MS / 1000, value] as const);
