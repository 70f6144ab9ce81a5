import { mainKey } from "@faas/core";
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
import { CanaryCalls } from "../canary/canary-calls.ts";
import { LiveStatistics } from "./live-statistics.ts";

/** Sampling interval of the event loop delay. Its timer never rests: with prom-client's default of 10 ms it would be most of the work of an idle server. */
const EVENT_LOOP_SAMPLE_MS = 100;

type MeasuredEndpoints = Pick<EndpointRegistry, "get" | "awake" | "size" | "variants">;

const ENDPOINT_LABELS = ["org", "endpoint", "revision"] as const;
type EndpointLabel = (typeof ENDPOINT_LABELS)[number];

/** Returns the labels of an endpoint; a variant has those of its endpoint, and its revision. */
const labelsOf = ({ spec: { org, endpoint, variantOf, revision } }: ServedEndpoint) =>
  variantOf === undefined ? { org, endpoint } : { org, endpoint: variantOf, revision };

/** Metrics of the gateway and of the process in Prometheus' text format (docs/http-api.md lists them). */
export class Metrics implements RequestMetrics {
  /** For metrics of other parts of the server. */
  readonly registry = new Registry();
  readonly #endpoints: MeasuredEndpoints;
  readonly #requests = new RequestHistogram();
  /** Recent calls, for `faas stats`. */
  readonly recent = new RequestStatistics();
  /** Calls of each second, while a stream of events has them. */
  readonly live: LiveStatistics;
  /** Calls of the revisions that canaries compare. */
  readonly canaries = new CanaryCalls();
  readonly #coldStarts: Counter<EndpointLabel>;
  readonly #limited: Counter<EndpointLabel | "limit">;

  /** Registers counters, and gauges that read the endpoints at each scrape. */
  constructor(endpoints: MeasuredEndpoints) {
    this.#endpoints = endpoints;
    this.live = new LiveStatistics({ endpoints });
    collectDefaultMetrics({ register: this.registry, eventLoopMonitoringPrecision: EVENT_LOOP_SAMPLE_MS });
    this.#coldStarts = new Counter({
      name: "faas_cold_starts_total",
      help: "Requests that waited for a replica",
      labelNames: ENDPOINT_LABELS,
      registers: [this.registry],
    });
    this.#limited = new Counter({
      name: "faas_requests_limited_total",
      help: "Requests that were rejected because they exceeded a limit of the organization",
      labelNames: [...ENDPOINT_LABELS, "limit"],
      registers: [this.registry],
    });
    this.#addGauges(endpoints);
  }

  /** Content type of `text()`. */
  get contentType(): string {
    return this.registry.contentType;
  }

  /** Formats all metrics. @param withExemplars with trace ids, which only OpenMetrics allows */
  async text(withExemplars = false): Promise<string> {
    return `${await this.registry.metrics()}\n${this.#requests.text(withExemplars)}`;
  }

  #addGauges(endpoints: MeasuredEndpoints): void {
    const gauge = (name: string, help: string, value: (endpoint: ServedEndpoint) => number) =>
      new Gauge({
        name,
        help,
        labelNames: ENDPOINT_LABELS,
        registers: [this.registry],
        collect() {
          this.reset();
          for (const endpoint of endpoints.awake) this.set(labelsOf(endpoint), value(endpoint));
        },
      });
    gauge("faas_replicas_ready", "Replicas that are ready", (endpoint) => endpoint.replicas.length);
    gauge("faas_replicas_desired", "Desired replicas", (endpoint) => endpoint.desired);
    gauge("faas_requests_in_flight", "Requests in flight on replicas", (endpoint) => endpoint.totalInFlight);
    gauge("faas_requests_waiting", "Requests that wait for a replica", (endpoint) => endpoint.totalWaiting);
    new Gauge({
      name: "faas_endpoints",
      help: "Registered endpoints",
      registers: [this.registry],
      collect() {
        this.set(endpoints.size - endpoints.variants);
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
    this.canaries.record(endpoint, status, durationMs);
    if (cold) this.#coldStarts.inc(labelsOf(endpoint));
  }

  /** Remembers a call, which has been counted, as an example of its duration. */
  addExemplar(endpoint: ServedEndpoint, status: number, durationMs: number, traceId: string, timeMs: number): void {
    this.#requests.addExemplar(endpoint, status, { traceId, seconds: durationMs / 1000, timeMs });
  }

  /** Adds calls that a gateway in another process has counted. */
  add(endpoint: ServedEndpoint, { calls = [], limited = {} }: EndpointCalls): void {
    const labels = labelsOf(endpoint);
    for (const [status, coldStarts, sumMs, buckets] of calls) {
      this.#requests.add(endpoint, status, buckets, sumMs / 1000);
      this.recent.add(endpoint, status, coldStarts, buckets, Date.now());
      this.live.add(endpoint, status, coldStarts, buckets);
      this.canaries.add(endpoint, status, buckets);
      if (coldStarts > 0) this.#coldStarts.inc(labels, coldStarts);
    }
    for (const [limit, count] of Object.entries(limited))
      if (LIMITS_OF_CALLS.some((each) => each === limit)) this.#limited.inc({ ...labels, limit }, count);
  }

  limited(endpoint: ServedEndpoint, limit: string): void {
    this.#limited.inc({ ...labelsOf(endpoint), limit });
  }

  /** Removes the series of a removed endpoint. The recent calls of a variant become its endpoint's. */
  forget(endpoint: ServedEndpoint): void {
    const labels = labelsOf(endpoint);
    this.#coldStarts.remove(labels);
    for (const limit of LIMITS_OF_CALLS) this.#limited.remove({ ...labels, limit });
    this.#requests.forget(endpoint);
    this.recent.forget(endpoint, endpoint.isVariant ? this.#endpoints.get(mainKey(endpoint.key)) : undefined);
    this.live.forget(endpoint);
  }
}
