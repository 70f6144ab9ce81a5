import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { drawTimeline, isError, type TimeLine } from "@faas/bench";
import type { V1Deployment } from "@kubernetes/client-node";
import type { Row } from "../rig/table.ts";
import type { Bench } from "./bench.ts";
import { fromZero, latenciesOf, runLoadStep, stepTitle, WORKS } from "./load-step.ts";

const docs = join(import.meta.dirname, "../../../docs");
const TIMES = { beforeMs: 15_000, stepMs: 75_000 };
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
    ms === undefined ? `none within ${TIMES.stepMs / 1000} s` : `${(ms / 1000).toFixed(2)} s`;
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
      const at = (performance.now() - began - TIMES.beforeMs) / 1000;
      desired.push([at, found?.spec?.replicas ?? 0]);
      ready.push([at, found?.status?.readyReplicas ?? 0]);
      await delay(SAMPLE_MS);
    }
  })();
  const { before, after, offset } = await runLoadStep(url, TIMES, began);
  sampling.abort();
  await samples;
  const failed = [...before.requests, ...after.requests].filter(isError).length;
  const latency = [...latenciesOf(before, -TIMES.beforeMs / 1000), ...latenciesOf(after, offset)].toSorted(
    ([a], [b]) => a - b,
  );
  const asked = desired.find(([at, replicas]) => at >= 0 && replicas > 1);
  return { lines: { desired, ready, latency }, askedMs: asked && (asked[0] - offset) * 1000, failed };
}

async function draw(ours: Result, theirs: Result): Promise<void> {
  const both = (of: keyof Result["lines"]) => [
    { name: "faas, by concurrency", look: 0, points: fromZero(ours.lines[of], TIMES) },
    { name: "HorizontalPodAutoscaler, by CPU", look: 1, points: fromZero(theirs.lines[of], TIMES) },
  ];
  const { light, dark } = await drawTimeline(stepTitle(TIMES), "time (s)", [
    { axis: "desired replicas", lines: both("desired") },
    { axis: "ready replicas", lines: both("ready") },
    { axis: "latency (s)", lines: both("latency") },
  ]);
  await writeFile(join(docs, "scaling-step-light.svg"), light);
  await writeFile(join(docs, "scaling-step-dark.svg"), dark);
}
