import type { LiveStats } from "@faas/core";
import { CallCounts, type EndpointRegistry, type ServedEndpoint } from "@faas/gateway";

/** Figures of one endpoint for one period, as JSON that all streams share. */
export interface LiveSample {
  readonly org: string;
  readonly endpoint: string;
  /** `LiveStats` as JSON. */
  readonly text: string;
}

export interface LiveStatisticsOptions {
  readonly endpoints: Pick<EndpointRegistry, "awake">;
  /** @defaultValue 1 s */
  readonly periodMs?: number;
}

type Listener = (samples: readonly LiveSample[]) => void;
type Load = Pick<LiveStats, "ready" | "desired" | "inFlight" | "waiting">;

const PERIOD_MS = 1_000;

/** Counts the calls of each second, and compares the replicas, while somebody listens; otherwise it costs nothing. */
export class LiveStatistics {
  readonly #options: LiveStatisticsOptions;
  readonly #listeners = new Set<Listener>();
  #timer: NodeJS.Timeout | undefined;
  #calls = new Map<ServedEndpoint, CallCounts>();
  /** Loads that were reported last, with the number of calls. */
  readonly #reported = new Map<ServedEndpoint, Load & { readonly requests: number }>();

  constructor(options: LiveStatisticsOptions) {
    this.#options = options;
  }

  record(endpoint: ServedEndpoint, status: number, durationMs: number, cold: boolean): void {
    if (this.#timer !== undefined) this.#countsOf(endpoint).record(status, durationMs, cold);
  }

  /** Adds calls that another process has counted. */
  add(endpoint: ServedEndpoint, status: number, coldStarts: number, buckets: Parameters<CallCounts["add"]>[2]): void {
    if (this.#timer !== undefined) this.#countsOf(endpoint).add(status, coldStarts, buckets);
  }

  /** Drops the counts of a removed endpoint. */
  forget(endpoint: ServedEndpoint): void {
    this.#calls.delete(endpoint);
    this.#reported.delete(endpoint);
  }

  /** Calls a listener each second with the figures that have changed. Returns a function that ends that. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    this.#timer ??= setInterval(() => this.#report(), this.#options.periodMs ?? PERIOD_MS).unref();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
      this.#calls.clear();
      this.#reported.clear();
    };
  }

  /** Returns the replicas of all endpoints that have any, without calls: those are in the next samples. */
  snapshot(): LiveSample[] {
    return Array.from(this.#options.endpoints.awake, (endpoint) => sampleOf(endpoint, loadOf(endpoint)));
  }

  #countsOf(endpoint: ServedEndpoint): CallCounts {
    let counts = this.#calls.get(endpoint);
    if (counts === undefined) {
      counts = new CallCounts();
      this.#calls.set(endpoint, counts);
    }
    return counts;
  }

  #report(): void {
    const calls = this.#calls;
    this.#calls = new Map();
    const samples: LiveSample[] = [];
    for (const endpoint of new Set([...this.#options.endpoints.awake, ...calls.keys(), ...this.#reported.keys()])) {
      const counts = calls.get(endpoint);
      const load = loadOf(endpoint);
      const requests = counts?.requests ?? 0;
      const before = this.#reported.get(endpoint);
      if (before && requests === 0 && before.requests === 0 && isSameLoad(load, before)) continue;
      if (requests === 0 && load.desired === 0 && load.ready === 0) this.#reported.delete(endpoint);
      else this.#reported.set(endpoint, { ...load, requests });
      if (!endpoint.removed) samples.push(sampleOf(endpoint, load, counts));
    }
    for (const listener of this.#listeners) listener(samples);
  }
}

const loadOf = ({ replicas, desired, totalInFlight, totalWaiting }: ServedEndpoint): Load => ({
  ...{ ready: replicas.length, desired, inFlight: totalInFlight, waiting: totalWaiting },
});

const isSameLoad = (a: Load, b: Load) =>
  a.ready === b.ready && a.desired === b.desired && a.inFlight === b.inFlight && a.waiting === b.waiting;

function sampleOf({ spec: { org, endpoint } }: ServedEndpoint, load: Load, counts = new CallCounts()): LiveSample {
  const stats: LiveStats = { org, endpoint, ...counts.summary(), ...load };
  return { org, endpoint, text: JSON.stringify(stats) };
}
