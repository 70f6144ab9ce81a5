import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { drawTimeline, isError, type Run, runClosedLoop, type TimeLine } from "@faas/bench";
import type { V1Pod } from "@kubernetes/client-node";
import { percentile, type Row, ratio } from "../rig/table.ts";
import type { Bench } from "./bench.ts";
import { fromZero, latenciesOf, runLoadStep, stepTitle, WORKS } from "./load-step.ts";
import { PodWatch } from "./pod-watch.ts";

const docs = join(import.meta.dirname, "../../../docs");
/** Settings of each side: without and with a CPU limit that load may raise. */
const SIDES = { fixed: [], raised: ["--cpu-max", "1"] } as const;
type Side = keyof typeof SIDES;
const SIDE_NAMES = Object.keys(SIDES) as readonly Side[];

const WORKLOAD_ROUNDS = 5;
/** Time for a raised limit to fall, and a startup boost to end, before the next load. */
const CALM_MS = 13_000;

const TIMES = { beforeMs: 5_000, stepMs: 15_000 };
const STEP_ROUNDS = 3;
/** The first seconds of the step. */
const FIRST_MS = 5_000;

const REACTION_ENDPOINTS = 10;
const REACTION_ROUNDS = 3;

/** Measures what load does to replicas whose CPU limit it may raise in place, against those whose limit is fixed. */
export async function vertical(bench: Bench): Promise<Row[]> {
  return [...(await workload(bench)), ...(await steps(bench)), ...(await reactions(bench))];
}

/** Runs the original's experiment, 10 threads x 50 matrix inversions, against one replica, on both sides in turns. */
async function workload(bench: Bench): Promise<Row[]> {
  const demo = join(import.meta.dirname, "../../../templates/python/demo-invert");
  for (const side of SIDE_NAMES)
    await deploy(bench, demo, `workload-${side}`, ["--scaler", "fixed", "--replicas", "1", ...SIDES[side]]);
  const runs: Record<Side, Run[]> = { fixed: [], raised: [] };
  for (let round = 0; round < WORKLOAD_ROUNDS; round++) {
    for (const side of SIDE_NAMES) {
      await delay(CALM_MS);
      const run = await runClosedLoop({
        url: `${bench.url}/${bench.org}/workload-${side}`,
        method: "POST",
        threads: 10,
        iterations: 50,
        headers: { "content-type": "application/json" },
        body: '{"size":100}',
      });
      runs[side].push(succeeded(run));
    }
  }
  for (const side of SIDE_NAMES) await bench.faas("remove", `${bench.org}/workload-${side}`, "--yes");
  const rate = (side: Side) =>
    percentile(
      runs[side].map(({ requests, durationMs }) => (requests.length / durationMs) * 1000),
      0.5,
    );
  const p = (side: Side, share: number) => percentile(runs[side].flatMap(latencies), share);
  const what = "the original's workload, 10 x 50, one replica, limit 100m, raised to 1 core";
  return [
    {
      measure: `${what}: rate, median of ${WORKLOAD_ROUNDS}`,
      baseline: `without \`--cpu-max\`: ${rate("fixed").toFixed(0)}/s`,
      ours: `${rate("raised").toFixed(0)}/s`,
      value: rate("raised") / rate("fixed"),
      goal: 2.5,
      unit: "x",
      atLeast: true,
    },
    ratio(`${what}: p50`, "without `--cpu-max`", p("raised", 0.5), p("fixed", 0.5), 1),
    ratio(`${what}: p99`, "without `--cpu-max`", p("raised", 0.99), p("fixed", 0.99), 0.35),
  ];
}

/** Raises the load from a third of a replica's capacity to one and a half times as much; replicas are added on both sides. */
async function steps(bench: Bench): Promise<Row[]> {
  const source = await bench.source("works", { "index.mjs": WORKS });
  const rounds: Record<Side, Step[]> = { fixed: [], raised: [] };
  for (let round = 0; round < STEP_ROUNDS; round++) {
    for (const side of SIDE_NAMES) {
      const settings = ["--cpu", "200m", "--concurrency", "2", "--max-replicas", "5", ...SIDES[side]];
      await deploy(bench, source, `step-${side}`, settings);
      rounds[side].push(await step(bench, `step-${side}`));
      await bench.faas("remove", `${bench.org}/step-${side}`, "--yes");
    }
  }
  await draw(rounds.fixed[0] as Step, rounds.raised[0] as Step);
  const p99 = (side: Side) =>
    percentile(
      rounds[side].flatMap(({ latency }) =>
        latency.filter(([at]) => at >= 0 && at < FIRST_MS / 1000).map(([, seconds]) => seconds * 1000),
      ),
      0.99,
    );
  const replicas = (side: Side) => Math.max(...rounds[side].flatMap(({ ready }) => ready.map(([, count]) => count)));
  return [
    ratio(
      `load step, limit 200m, raised to 1 core: p99 of the first ${FIRST_MS / 1000} s, ${STEP_ROUNDS} runs`,
      "without `--cpu-max`",
      p99("raised"),
      p99("fixed"),
      0.3,
    ),
    {
      measure: "load step: most replicas",
      baseline: `without \`--cpu-max\`: ${replicas("fixed")}`,
      ours: String(replicas("raised")),
      value: replicas("raised") / replicas("fixed"),
      goal: 1,
      unit: "x",
    },
  ];
}

/** A load step over time, in seconds since the step. */
interface Step {
  readonly latency: readonly (readonly [at: number, seconds: number])[];
  readonly ready: readonly (readonly [at: number, count: number])[];
  /** Sum of the CPU limits of all replicas, in cores. */
  readonly cores: readonly (readonly [at: number, cores: number])[];
}

async function step(bench: Bench, endpoint: string): Promise<Step> {
  await delay(CALM_MS);
  const url = `${bench.url}/${bench.org}/${endpoint}`;
  const ready: [number, number][] = [];
  const cores: [number, number][] = [];
  await using watch = await PodWatch.start(bench, endpoint);
  const began = performance.now();
  const sample = () => {
    const at = (performance.now() - began - TIMES.beforeMs) / 1000;
    const pods = watch.pods.filter(isReady);
    ready.push([at, pods.length]);
    cores.push([at, pods.reduce((sum, pod) => sum + PodWatch.limitOf(pod), 0) / 1000]);
  };
  watch.onChange(sample);
  sample();
  const { before, after, offset } = await runLoadStep(url, TIMES, began);
  sample();
  const latency = [
    ...latenciesOf(succeeded(before), -TIMES.beforeMs / 1000),
    ...latenciesOf(succeeded(after), 0),
  ].toSorted(([a], [b]) => a - b);
  const sinceStep = (points: readonly (readonly [number, number])[]) =>
    points.map(([at, value]) => [at - offset, value] as const);
  return { latency, ready: sinceStep(ready), cores: sinceStep(cores) };
}

/** Sends two calls at once to replicas that take one at a time, until the limit of the pod rises. */
async function reactions(bench: Bench): Promise<Row[]> {
  const source = await bench.source("works", { "index.mjs": WORKS });
  const settings = ["--scaler", "fixed", "--replicas", "1", "--concurrency", "1", "--cpu-max", "1"];
  const names = Array.from({ length: REACTION_ENDPOINTS }, (_, i) => `reaction-${i}`);
  for (const name of names) await deploy(bench, source, name, settings);
  await delay(CALM_MS);
  const times: number[] = [];
  for (let round = 0; round < REACTION_ROUNDS; round++) {
    for (const name of names) {
      await using watch = await PodWatch.start(bench, name);
      await watch.until(([pod]) => pod !== undefined && PodWatch.limitOf(pod) === 100);
      const began = performance.now();
      const raised = watch.until((pods) => pods.some((each) => PodWatch.limitOf(each) > 100));
      const calls = Promise.all(Array.from({ length: 4 }, () => bench.call(name)));
      await raised;
      times.push(performance.now() - began);
      await calls;
    }
    // Each endpoint has twice the time to calm down that it needs, so that it does not learn to wait longer.
    await delay(2 * CALM_MS);
  }
  for (const name of names) await bench.faas("remove", `${bench.org}/${name}`, "--yes");
  const row = (which: string, value: number): Row => ({
    measure: `from the first waiting call to the raised limit in the pod, ${which} of ${times.length}`,
    baseline: "",
    ours: `${value.toFixed(0)} ms`,
    value,
    goal: 150,
    unit: "ms",
  });
  return [row("median", percentile(times, 0.5)), row("p95", percentile(times, 0.95))];
}

const deploy = (bench: Bench, source: string, endpoint: string, settings: readonly string[]) =>
  bench.faas("deploy", source, "--org", bench.org, "--endpoint", endpoint, "--idle-timeout", "never", ...settings);

const latencies = (run: Run) => run.requests.map(({ latencyMs }) => latencyMs);

const isReady = (pod: V1Pod) =>
  pod.metadata?.deletionTimestamp === undefined && pod.status?.containerStatuses?.[0]?.ready === true;

/** @throws Error for a run with failed calls */
function succeeded(run: Run): Run {
  const failed = run.requests.filter(isError);
  if (failed.length > 0) throw new Error(`${failed.length} calls failed: ${JSON.stringify(failed[0])}`);
  return run;
}

async function draw(fixed: Step, raised: Step): Promise<void> {
  const both = (of: keyof Step): TimeLine[] => [
    { name: "with --cpu-max 1", look: 0, points: fromZero(raised[of], TIMES) },
    { name: "without", look: 1, points: fromZero(fixed[of], TIMES) },
  ];
  const { light, dark } = await drawTimeline(`${stepTitle(TIMES)}, limit 200m`, "time (s)", [
    { axis: "CPU limits (cores)", lines: both("cores") },
    { axis: "ready replicas", lines: both("ready") },
    { axis: "latency (s)", lines: both("latency") },
  ]);
  await writeFile(join(docs, "scaling-vertical-light.svg"), light);
  await writeFile(join(docs, "scaling-vertical-dark.svg"), dark);
}
