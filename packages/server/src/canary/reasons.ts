import { formatDuration } from "@faas/core";
import type { CallSample } from "./call-sample.ts";
import type { CanaryPlan } from "./canary-fields.ts";
import { compareStep } from "./decision.ts";
import { observedP95 } from "./percentile-bounds.ts";

/** Calls of a step. */
export interface StepSamples {
  readonly canary: CallSample;
  readonly base: CallSample;
}

/** Describes why the calls of a step made a canary go back. */
export function reasonFor(
  cause: "errors" | "p95" | "timeout",
  { canary, base }: StepSamples,
  { limits, timeoutMs }: CanaryPlan,
  baseRevision: string,
): string {
  if (cause === "errors")
    return `${failedOf(canary)} failed, and ${failedOf(base)} of ${baseRevision}: more than ${percent(limits.errorRate)} points above it, which is not chance`;
  if (cause === "p95")
    return `its p95 is ${ms(canary)} over ${count(canary)}, and that of ${baseRevision} is ${ms(base)} over ${count(base)}: more than ${limits.p95} times as long, which is not chance`;
  return `${count(canary)}, and ${count(base)} of ${baseRevision}, did not suffice for a decision within ${formatDuration(timeoutMs)}`;
}

/** Describes what a step with open result waits for. */
export function waitingFor({ canary, base }: StepSamples, plan: CanaryPlan, remainingMs: number): string {
  const { verdict } = compareStep(canary, base, plan);
  if (verdict === "within") return `within the limits so far: the step lasts ${seconds(remainingMs)} longer`;
  if (canary.calls === 0 || base.calls === 0) return "waits for calls of both revisions";
  const more = callsNeeded({ canary, base }, plan);
  return more === undefined
    ? "near a limit: more calls have to decide"
    : `needs about ${more} more calls of the new revision, if they are as those so far`;
}

const GROWTH = 1.2;
const MAX_GROWTH = 10_000;

/** Returns how many more calls of the new revision would show that it is within the limits, if further calls are as those so far; undefined if none would. */
function callsNeeded({ canary, base }: StepSamples, plan: CanaryPlan): number | undefined {
  for (let factor = GROWTH; factor < MAX_GROWTH; factor *= GROWTH) {
    const { verdict } = compareStep(canary.scaled(factor), base.scaled(factor), plan);
    if (verdict === "within") return Math.ceil(canary.calls * (factor - 1));
    if (verdict === "beyond") return undefined;
  }
  return undefined;
}

/** Formats a share as a percentage with at most three digits. */
const percent = (share: number): string => `${Number((100 * share).toPrecision(3))} %`;
const count = ({ calls }: CallSample) => `${calls} ${calls === 1 ? "call" : "calls"}`;
const failedOf = (sample: CallSample) => `${percent(sample.errors / sample.calls)} of ${count(sample)}`;
const ms = ({ durations }: CallSample) => `${Number((observedP95(durations) ?? 0).toPrecision(3))} ms`;
const seconds = (milliseconds: number) => formatDuration(Math.max(1, Math.ceil(milliseconds / 1000)) * 1000);
