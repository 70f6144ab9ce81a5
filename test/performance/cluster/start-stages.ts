import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { drawStages, type StagedBar } from "@faas/bench";
import type { EndpointView } from "@faas/core";
import { median } from "../rig/table.ts";

const docs = join(import.meta.dirname, "../../../docs");

/** Stages that the server reports, by those of the chart that they end. */
const SHOWN: Readonly<Record<string, readonly string[]>> = {
  "Deployment scaled, pod scheduled": ["accepted", "pod", "warm pod", "scheduled"],
  network: ["network"],
  container: ["container"],
  "runtime and wrapper": ["listens"],
  "code sent (warm pod), function loads": ["ready"],
};
const ANSWER = "call forwarded and answered";

/** A cold start: how long the call took, and the stages of the replica that answered it. */
export interface ObservedStart {
  readonly tookMs: number;
  /** Empty if they were not observed. */
  readonly stages: NonNullable<EndpointView["replicas"][number]["start"]>;
}

/** Returns the milliseconds of each stage of the chart. */
function durationsOf({ tookMs, stages }: ObservedStart): ReadonlyMap<string, number> {
  const durations = new Map<string, number>();
  let last = 0;
  for (const [shown, names] of Object.entries(SHOWN)) {
    const ends = stages.filter(({ stage }) => names.includes(stage)).map(({ atMs }) => atMs);
    const end = Math.max(last, ...ends);
    durations.set(shown, end - last);
    last = end;
  }
  return durations.set(ANSWER, Math.max(0, tookMs - last));
}

/** Returns the medians of the stages of cold starts. */
function barOf(name: string, starts: readonly ObservedStart[]): StagedBar {
  const all = starts.filter(({ stages }) => stages.length > 0).map(durationsOf);
  return {
    name,
    stages: new Map(
      [...Object.keys(SHOWN), ANSWER].map((stage) => [stage, median(all.map((each) => each.get(stage) ?? 0))]),
    ),
  };
}

/** Draws the stages of cold starts into the documentation: a bar per kind, with the medians. */
export async function drawStarts(starts: ReadonlyMap<string, readonly ObservedStart[]>): Promise<void> {
  const count = Math.min(...[...starts.values()].map(({ length }) => length));
  const bars = [...starts].map(([name, all]) => barOf(name, all));
  const title = `Cold start by stages, medians of ${count}`;
  const { light, dark } = await drawStages(title, [...Object.keys(SHOWN), ANSWER], bars);
  await writeFile(join(docs, "scaling-cold-light.svg"), light);
  await writeFile(join(docs, "scaling-cold-dark.svg"), dark);
}
