import { build, type Histogram } from "hdr-histogram-js";
import { isError, type RequestResult, type Run } from "../load/request.ts";

/** Latencies in milliseconds. */
export interface Percentiles {
  readonly min: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly "p99.9": number;
  readonly max: number;
}

/** Summary of a run. */
export interface Summary {
  readonly count: number;
  /** Responses per second. */
  readonly rate: number;
  /** Number of errors by status, or by the reason why no response came. */
  readonly errors: Readonly<Record<string, number>>;
  /** Latencies of successful requests; absent without any. */
  readonly latencyMs?: Percentiles;
  readonly coldStarts: { readonly count: number; readonly latencyMs?: Percentiles };
}

/** Summarizes a run. */
export function summarize({ requests, durationMs }: Run): Summary {
  const errors: Record<string, number> = {};
  for (const request of requests.filter(isError)) {
    const reason = request.error ?? String(request.status);
    errors[reason] = (errors[reason] ?? 0) + 1;
  }
  const good = requests.filter((request) => !isError(request));
  const cold = good.filter((request) => request.cold);
  return {
    count: requests.length,
    rate: requests.length / (durationMs / 1000),
    errors,
    ...withPercentiles(good),
    coldStarts: { count: cold.length, ...withPercentiles(cold) },
  };
}

function withPercentiles(requests: readonly RequestResult[]): { latencyMs?: Percentiles } {
  if (requests.length === 0) return {};
  const histogram = latencyHistogram(requests);
  const at = (percentile: number) => histogram.getValueAtPercentile(percentile) / 1000;
  return {
    latencyMs: {
      min: histogram.minNonZeroValue / 1000,
      mean: histogram.mean / 1000,
      p50: at(50),
      p90: at(90),
      p95: at(95),
      p99: at(99),
      "p99.9": at(99.9),
      max: histogram.maxValue / 1000,
    },
  };
}

/** Builds a histogram of latencies in whole microseconds, accurate to three digits. */
export function latencyHistogram(requests: readonly RequestResult[]): Histogram {
  const histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 3_600_000_000,
    numberOfSignificantValueDigits: 3,
  });
  for (const { latencyMs } of requests) histogram.recordValue(Math.max(1, Math.round(latencyMs * 1000)));
  return histogram;
}

/** Formats a summary for people. */
export function formatSummary({ count, rate, errors, latencyMs, coldStarts }: Summary): string {
  const reasons = Object.entries(errors).map(([reason, number]) => `${number} x ${reason}`);
  const lines = [`requests   ${count}, ${rate.toFixed(1)} per second`, `errors     ${reasons.join(", ") || "none"}`];
  if (latencyMs) lines.push(`latency    ${formatPercentiles(latencyMs)}`);
  if (coldStarts.latencyMs) lines.push(`cold       ${coldStarts.count}: ${formatPercentiles(coldStarts.latencyMs)}`);
  return `${lines.join("\n")}\n`;
}

function formatPercentiles(percentiles: Percentiles): string {
  return Object.entries(percentiles)
    .map(([name, value]) => `${name} ${formatMs(value)}`)
    .join("  ");
}

/** Formats milliseconds with three digits and a unit. */
export function formatMs(ms: number): string {
  if (ms < 1) return `${Math.round(ms * 1000)} us`;
  return ms < 1000 ? `${ms.toPrecision(3)} ms` : `${(ms / 1000).toPrecision(3)} s`;
}
