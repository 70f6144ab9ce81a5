import { type CanaryView, formatDuration, isCanaryActive } from "@faas/core";
import { CallSample } from "./call-sample.ts";
import type { CanaryRecord } from "./canary-fields.ts";
import { shareOf } from "./canary-record.ts";
import type { Range } from "./comparison.ts";
import { compareStep } from "./decision.ts";
import { observedP95 } from "./percentile-bounds.ts";
import { type StepSamples, waitingFor } from "./reasons.ts";

/**
 * Builds the view of the last canary of an endpoint.
 *
 * @param counted calls of the present step, if they are newer than those in the record
 */
export function viewCanary(canary: CanaryRecord, counted: StepSamples | undefined, nowMs: number): CanaryView {
  const { revision, base, state, plan, startedAt, stepAt, endedAt, reason, seen } = canary;
  const { steps, everyMs, timeoutMs, limits } = plan;
  const samples = counted ?? (seen && { canary: CallSample.from(seen.canary), base: CallSample.from(seen.base) });
  return {
    ...{ revision, base, state, steps, share: shareOf(canary) },
    ...{ every: formatDuration(everyMs), timeout: formatDuration(timeoutMs) },
    ...{ maxErrorRate: rounded(limits.errorRate * 100), maxP95: limits.p95, startedAt, stepAt },
    ...(endedAt === undefined ? {} : { endedAt }),
    detail: reason ?? detailOf(canary, samples, nowMs),
    ...(samples && (samples.canary.calls > 0 || !isCanaryActive(state)) ? { seen: viewSamples(samples, canary) } : {}),
  };
}

function detailOf({ state, plan, stepAt }: CanaryRecord, samples: StepSamples | undefined, nowMs: number): string {
  if (state === "starting") return "its first replica is starting";
  if (state === "promoting") return "it is about to serve all calls";
  if (samples === undefined) return "replicas for its share are starting";
  return waitingFor(samples, plan, Date.parse(stepAt) + plan.everyMs - nowMs);
}

function viewSamples({ canary, base }: StepSamples, { plan }: CanaryRecord): NonNullable<CanaryView["seen"]> {
  const { errorRate, p95 } = compareStep(canary, base, plan);
  return {
    canary: viewSample(canary),
    base: viewSample(base),
    errorRateDifference: viewRange({ low: errorRate.low * 100, high: errorRate.high * 100 }),
    p95Factor: viewRange(p95),
  };
}

function viewSample({ calls, errors, durations }: CallSample) {
  const p95Ms = observedP95(durations);
  return { calls, errors, ...(p95Ms === undefined ? {} : { p95Ms: rounded(p95Ms) }) };
}

const viewRange = ({ low, high }: Range) => ({
  low: rounded(low),
  ...(Number.isFinite(high) ? { high: rounded(high) } : {}),
});

const rounded = (value: number): number => Number(value.toPrecision(4));
