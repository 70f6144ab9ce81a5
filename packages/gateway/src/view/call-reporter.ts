import { mainKey } from "@faas/core";
import type { ServedEndpoint } from "../endpoints/served-endpoint.ts";
import { bucketOf } from "../metrics/duration-buckets.ts";
import type { RequestMetrics } from "../metrics/request-metrics.ts";
import type { EndpointCalls } from "../protocol/messages.ts";

/** Calls of one endpoint with the same status. */
interface Series {
  coldStarts: number;
  sumMs: number;
  readonly buckets: Map<number, number>;
}

interface EndpointCounts {
  readonly calls: Map<number, Series>;
  limited: Record<string, number> | undefined;
}

/** Counts finished calls until they are reported to the control server. Runs for every call. */
export class CallReporter implements RequestMetrics {
  #counts = new Map<ServedEndpoint, EndpointCounts>();
  readonly #onCall: (endpoint: ServedEndpoint) => void;

  /** @param onCall called for each finished call */
  constructor(onCall: (endpoint: ServedEndpoint) => void) {
    this.#onCall = onCall;
  }

  record(endpoint: ServedEndpoint, status: number, durationMs: number, cold: boolean): void {
    this.#onCall(endpoint);
    const { calls } = this.#of(endpoint);
    let series = calls.get(status);
    if (series === undefined) {
      series = { coldStarts: 0, sumMs: 0, buckets: new Map() };
      calls.set(status, series);
    }
    if (cold) series.coldStarts++;
    series.sumMs += durationMs;
    const bucket = bucketOf(durationMs);
    series.buckets.set(bucket, (series.buckets.get(bucket) ?? 0) + 1);
  }

  limited(endpoint: ServedEndpoint, limit: string): void {
    const counts = this.#of(endpoint);
    counts.limited ??= {};
    counts.limited[limit] = (counts.limited[limit] ?? 0) + 1;
  }

  /** Removes and returns what was counted, without endpoints that were removed; what a removed variant counted is its endpoint's. */
  take(): EndpointCalls[] {
    const counts = this.#counts;
    if (counts.size === 0) return [];
    this.#counts = new Map();
    const taken: EndpointCalls[] = [];
    for (const [{ key, removed, isVariant }, { calls, limited }] of counts) {
      if (removed && !isVariant) continue;
      taken.push({
        key: removed ? mainKey(key) : key,
        calls: Array.from(calls, ([status, { coldStarts, sumMs, buckets }]) => [
          status,
          coldStarts,
          Math.round(sumMs * 1000) / 1000,
          [...buckets],
        ]),
        ...(limited ? { limited } : {}),
      });
    }
    return taken;
  }

  #of(endpoint: ServedEndpoint): EndpointCounts {
    let counts = this.#counts.get(endpoint);
    if (counts === undefined) {
      counts = { calls: new Map(), limited: undefined };
      this.#counts.set(endpoint, counts);
    }
    return counts;
  }
}
