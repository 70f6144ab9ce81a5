import {
  type EndpointCalls,
  type EndpointRegistry,
  LIMITS_OF_CALLS,
  RequestHistogram,
  type RequestMetrics,
  RequestStatistics,
  type ServedEndpoint,
} from "@faas/gateway";
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { LiveStatistics } from "./live-statistics.ts";

/** Sampling interval of the event loop delay. Its timer never rests: with prom-client's default of 10 ms it would be most of the work of an idle server. */
const EVENT_LOOP_SAMPLE_MS = 100;

/** Metrics of the gateway and of the process in Prometheus' text format (docs/http-api.md lists them). */
export class Metrics implements RequestMetrics {
  readonly #registry = new Registry();
  readonly #requests = new RequestHistogram();
  /** Recent calls, for `faas stats`. */
  readonly recent = new RequestStatistics();
  /** Calls of each second, while a stream of events has them. */
  readonly live: LiveStatistics;
  readonly #coldStarts: Counter<"org" | "endpoint">;
  readonly #limited: Counter<"org" | "endpoint" | "limit">;

  /** Registers counters, and gauges that read the endpoints at each scrape. */
  constructor(endpoints: Pick<EndpointRegistry, "awake" | "size">) {
    this.live = new LiveStatistics({ endpoints });
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: EVENT_LOOP_SAMPLE_MS });
    this.#coldStarts = new Counter({
      name: "faas_cold_starts_total",
      help: "Requests that waited for a replica",
      labelNames: ["org", "endpoint"],
      registers: [this.#registry],
    });
    this.#limited = new Counter({
      name: "faas_requests_limited_total",
      help: "Requests that were rejected because they exceeded a limit of the organization",
      labelNames: ["org", "endpoint", "limit"],
      registers: [this.#registry],
    });
    this.#addGauges(endpoints);
  }

  /** Content type of `text()`. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Formats all metrics. @param withExemplars with trace ids, which only OpenMetrics allows */
  async text(withExemplars = false): Promise<string> {
    return `${await this.#registry.metrics()}\n${this.#requests.text(withExemplars)}`;
  }

  #addGauges(endpoints: Pick<EndpointRegistry, "awake" | "size">): void {
    const gauge = (name: string, help: string, value: (endpoint: ServedEndpoint) => number) =>
      new Gauge({
        name,
        help,
        labelNames: ["org", "endpoint"],
        registers: [this.#registry],
        collect() {
          this.reset();
          for (const endpoint of endpoints.awake)
            this.set({ org: endpoint.spec.org, endpoint: endpoint.spec.endpoint }, value(endpoint));
        },
      });
    gauge("faas_replicas_ready", "Replicas that are ready", (endpoint) => endpoint.replicas.length);
    gauge("faas_replicas_desired", "Desired replicas", (endpoint) => endpoint.desired);
    gauge("faas_requests_in_flight", "Requests in flight on replicas", (endpoint) => endpoint.totalInFlight);
    gauge("faas_requests_waiting", "Requests that wait for a replica", (endpoint) => endpoint.totalWaiting);
    new Gauge({
      name: "faas_endpoints",
      help: "Registered endpoints",
      registers: [this.#registry],
      collect() {
        this.set(endpoints.size);
      },
    });
  }

  record(endpoint: ServedEndpoint, status: number, durationMs: number, cold: boolean, traceId?: string): void {
    // A request may outlive its endpoint, and would create series that nothing removes any more.
    if (endpoint.removed) return;
    this.#requests.record(endpoint, status, durationMs / 1000);
    const timeMs = Date.now();
    this.recent.record(endpoint, status, durationMs, cold, timeMs);
    if (traceId !== undefined) this.addExemplar(endpoint, status, durationMs, traceId, timeMs);
    this.live.record(endpoint, status, durationMs, cold);
    if (cold) this.#coldStarts.inc({ org: endpoint.spec.org, endpoint: endpoint.spec.endpoint });
  }

  /** Remembers a call, which has been counted, as an example of its duration. */
  addExemplar(endpoint: ServedEndpoint, status: number, durationMs: number, traceId: string, timeMs: number): void {
    this.#requests.addExemplar(endpoint, status, { traceId, seconds: durationMs / 1000, timeMs });
  }

  /** Adds calls that a gateway in another process has counted. */
  add(endpoint: ServedEndpoint, { calls = [], limited = {} }: EndpointCalls): void {
    const { org, endpoint: name } = endpoint.spec;
    for (const [status, coldStarts, sumMs, buckets] of calls) {
      this.#requests.add(endpoint, status, buckets, sumMs / 1000);
      this.recent.add(endpoint, status, coldStarts, buckets, Date.now());
      this.live.add(endpoint, status, coldStarts, buckets);
      if (coldStarts > 0) this.#coldStarts.inc({ org, endpoint: name }, coldStarts);
    }
    for (const [limit, count] of Object.entries(limited))
      if (LIMITS_OF_CALLS.some((each) => each === limit)) this.#limited.inc({ org, endpoint: name, limit }, count);
  }

  limited({ spec: { org, endpoint } }: ServedEndpoint, limit: string): void {
    this.#limited.inc({ org, endpoint, limit });
  }

  /** Removes the series of a removed endpoint. */
  forget(endpoint: ServedEndpoint): void {
    const { org, endpoint: name } = endpoint.spec;
    this.#coldStarts.remove({ org, endpoint: name });
    for (const limit of LIMITS_OF_CALLS) this.#limited.remove({ org, endpoint: name, limit });
    this.#requests.forget(endpoint);
    this.recent.forget(endpoint);
    this.live.forget(endpoint);
  }
}
