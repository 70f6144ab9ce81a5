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
  /** Number of failed responses by status and the reason in their bodies, the most frequent first; absent without any. */
  readonly reasons?: Readonly<Record<string, number>>;
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
  const reasons = reasonsOf(requests);
  const good = requests.filter((request) => !isError(request));
  const cold = good.filter((request) => request.cold);
  return {
    count: requests.length,
    rate: requests.length / (durationMs / 1000),
    errors,
    ...(reasons === undefined ? {} : { reasons }),
    ...withPercentiles(good),
    coldStarts: { count: cold.length, ...withPercentiles(cold) },
  };
}

/** Reasons that a summary has; a function may give another one to each call. */
const MAX_REASONS = 5;

function reasonsOf(requests: readonly RequestResult[]): Summary["reasons"] {
  const counts = new Map<string, number>();
  for (const { status, reason } of requests)
    if (reason !== undefined) counts.set(`${status} ${reason}`, (counts.get(`${status} ${reason}`) ?? 0) + 1);
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  const others = sorted.slice(MAX_REASONS).reduce((sum, [, count]) => sum + count, 0);
  const listed = [...sorted.slice(0, MAX_REASONS), ...(others > 0 ? [["other reasons", others] as const] : [])];
  return listed.length === 0 ? undefined : Object.fromEntries(listed);
}

function withPercentiles(requests: readonly RequestResult[]): { latencyMs?: Percentiles } {
  if (requests.length === 0) return {};
  const histogram = latencyHistogram(requests);
  let [min, max, sum] = [Number.POSITIVE_INFINITY, 0, 0];
  for (const { latencyMs } of requests) {
    min = Math.min(min, latencyMs);
    max = Math.max(max, latencyMs);
    sum += latencyMs;
  }
  // The histogram rounds up to the end of a bucket, which may be above the maximum.
  const at = (percentile: number) => Math.max(min, Math.min(max, histogram.getValueAtPercentile(percentile) / 1000));
  return {
    latencyMs: {
      min,
      mean: sum / requests.length,
      p50: at(50),
      p90: at(90),
      p95: at(95),
      p99: at(99),
      "p99.9": at(99.9),
      max,
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
export function formatSummary({ count, rate, errors, reasons = {}, latencyMs, coldStarts }: Summary): string {
  const kinds = Object.entries(errors).map(([kind, number]) => `${number} x ${kind}`);
  const lines = [`requests   ${count}, ${rate.toFixed(1)} per second`, `errors     ${kinds.join(", ") || "none"}`];
  for (const [reason, number] of Object.entries(reasons)) lines.push(`           ${number} x ${reason}`);
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

/** Formats a round number of milliseconds, with as many digits as it has. */
export function formatBound(ms: number): string {
  const digits = (value: number) => String(Number(value.toPrecision(6)));
  if (ms < 1) return `${digits(ms * 1000)} us`;
  return ms < 1000 ? `${digits(ms)} ms` : `${digits(ms / 1000)} s`;
}
