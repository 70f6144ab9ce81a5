import type { ServedEndpoint } from "../endpoints/served-endpoint.ts";
import { durationOf } from "./duration-buckets.ts";

/** Upper bounds of the buckets, in seconds. */
const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Counts of one endpoint and status code. */
interface Series {
  /** Requests per bucket: at most as long as its bound and longer than the bound before; the last bucket has all others. */
  readonly counts: number[];
  sumSeconds: number;
  /** Last traced request of each bucket, once there is one. */
  exemplars: (Exemplar | undefined)[] | undefined;
}

/** A traced request that stands for those of its bucket. */
interface Exemplar {
  readonly traceId: string;
  readonly seconds: number;
  /** Milliseconds since the epoch. */
  readonly timeMs: number;
}

/** Counts requests and their durations. Runs for every request: prom-client's counter and histogram would be three percent of the gateway's cost per request. */
export class RequestHistogram {
  readonly #all = new Map<ServedEndpoint, Map<number, Series>>();

  record(endpoint: ServedEndpoint, status: number, seconds: number): void {
    const series = this.#all.get(endpoint)?.get(status) ?? this.#add(endpoint, status);
    const at = bucketIndex(seconds);
    series.counts[at] = (series.counts[at] as number) + 1;
    series.sumSeconds += seconds;
  }

  /** Remembers a request, which has been counted, as an example of its duration. */
  addExemplar(endpoint: ServedEndpoint, status: number, exemplar: Exemplar): void {
    const series = this.#all.get(endpoint)?.get(status);
    if (series === undefined) return;
    series.exemplars ??= [];
    series.exemplars[bucketIndex(exemplar.seconds)] = exemplar;
  }

  /** Adds requests that another process has counted, by the buckets of their durations (duration-buckets.ts). */
  add(
    endpoint: ServedEndpoint,
    status: number,
    buckets: readonly (readonly [bucket: number, count: number])[],
    sumSeconds: number,
  ): void {
    const series = this.#all.get(endpoint)?.get(status) ?? this.#add(endpoint, status);
    for (const [bucket, count] of buckets) {
      const at = bucketIndex(durationOf(bucket) / 1000);
      series.counts[at] = (series.counts[at] as number) + count;
    }
    series.sumSeconds += sumSeconds;
  }

  /** Drops the counts of a removed endpoint. */
  forget(endpoint: ServedEndpoint): void {
    this.#all.delete(endpoint);
  }

  /**
   * Formats the counts in Prometheus' text format, version 0.0.4.
   *
   * @param withExemplars as only OpenMetrics allows
   */
  text(withExemplars = false): string {
    const totals: string[] = [];
    const durations: string[] = [];
    for (const [{ spec }, byStatus] of this.#all) {
      for (const [status, { counts, sumSeconds, exemplars }] of byStatus) {
        const labels = `org="${spec.org}",endpoint="${spec.endpoint}",code="${status}"`;
        let count = 0;
        for (const [i, each] of counts.entries()) {
          count += each;
          const exemplar = withExemplars ? exemplarText(exemplars?.[i]) : "";
          durations.push(
            `faas_request_duration_seconds_bucket{le="${BOUNDS[i] ?? "+Inf"}",${labels}} ${count}${exemplar}`,
          );
        }
        durations.push(`faas_request_duration_seconds_sum{${labels}} ${sumSeconds}`);
        durations.push(`faas_request_duration_seconds_count{${labels}} ${count}`);
        totals.push(`faas_requests_total{${labels}} ${count}`);
      }
    }
    return [
      "# HELP faas_requests_total Requests answered, by status code",
      "# TYPE faas_requests_total counter",
      ...totals,
      "",
      "# HELP faas_request_duration_seconds Time from the request's arrival to the end of its answer",
      "# TYPE faas_request_duration_seconds histogram",
      ...durations,
      "",
    ].join("\n");
  }

  #add(endpoint: ServedEndpoint, status: number): Series {
    const counts = new Array<number>(BOUNDS.length + 1).fill(0);
    const series: Series = { counts, sumSeconds: 0, exemplars: undefined };
    const byStatus = this.#all.get(endpoint) ?? new Map<number, Series>();
    this.#all.set(endpoint, byStatus.set(status, series));
    return series;
  }
}

function exemplarText(exemplar: Exemplar | undefined): string {
  if (exemplar === undefined) return "";
  const { traceId, seconds, timeMs } = exemplar;
  return ` # {trace_id="${traceId}"} ${seconds} ${(timeMs / 1000).toFixed(3)}`;
}

/** Returns the index of the first bound that a duration does not exceed. */
function bucketIndex(seconds: number): number {
  let at = 0;
  while (at < BOUNDS.length && seconds > (BOUNDS[at] as number)) at++;
  return at;
}
