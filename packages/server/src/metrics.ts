import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Endpoints, LiveEndpoint } from "./endpoints.ts";

/** What the gateway tells of each answered request. Called on the hot path. */
export interface RequestMetrics {
  record(endpoint: LiveEndpoint, status: number, durationMs: number, cold: boolean): void;
}

/** A timer of its own that never rests: every 10 ms, prom-client's default, it is most of what an idle server does. */
const EVENT_LOOP_SAMPLE_MS = 100;

interface Child {
  readonly count: Counter.Internal;
  readonly duration: Histogram.Internal<string>;
}

/** Prometheus' exposition of the gateway and of the process (docs/http-api.md lists them). */
export class Metrics implements RequestMetrics {
  readonly registry = new Registry();
  readonly #requests: Counter<"org" | "endpoint" | "code">;
  readonly #durations: Histogram<"org" | "endpoint" | "code">;
  readonly #coldStarts: Counter<"org" | "endpoint">;
  /** Label look-ups are made once for an endpoint and status, not for each request. */
  readonly #children = new WeakMap<LiveEndpoint, Map<number, Child>>();

  constructor() {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry, eventLoopMonitoringPrecision: EVENT_LOOP_SAMPLE_MS });
    this.#requests = new Counter({
      name: "faas_requests_total",
      help: "Requests answered, by status code",
      labelNames: ["org", "endpoint", "code"],
      registers,
    });
    this.#durations = new Histogram({
      name: "faas_request_duration_seconds",
      help: "Time from the request's arrival to the end of its answer",
      labelNames: ["org", "endpoint", "code"],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    });
    this.#coldStarts = new Counter({
      name: "faas_cold_starts_total",
      help: "Requests that waited for a replica",
      labelNames: ["org", "endpoint"],
      registers,
    });
  }

  /** Gauges of what the endpoints do now, read when somebody asks; what is counted of an endpoint goes when it is removed. */
  observe(endpoints: Endpoints): void {
    endpoints.onRemoved = (endpoint) => this.#forget(endpoint);
    const gauge = (name: string, help: string, value: (endpoint: LiveEndpoint) => number) =>
      new Gauge({
        name,
        help,
        labelNames: ["org", "endpoint"],
        registers: [this.registry],
        collect() {
          this.reset();
          for (const endpoint of endpoints.awake)
            this.set({ org: endpoint.spec.org, endpoint: endpoint.spec.endpoint }, value(endpoint));
        },
      });
    gauge("faas_replicas_ready", "Replicas that answer", (endpoint) => endpoint.replicas.length);
    gauge("faas_replicas_desired", "Replicas that are asked for", (endpoint) => endpoint.desired);
    gauge("faas_requests_in_flight", "Requests that replicas are answering", (endpoint) => endpoint.inFlight);
    gauge("faas_requests_waiting", "Requests that wait for a replica", (endpoint) => endpoint.waiting);
    new Gauge({
      name: "faas_endpoints",
      help: "Endpoints that are registered",
      registers: [this.registry],
      collect() {
        this.set(endpoints.size);
      },
    });
  }

  record(endpoint: LiveEndpoint, status: number, durationMs: number, cold: boolean): void {
    // Requests may outlive it: they would bring back what nobody takes away any more.
    if (endpoint.removed) return;
    const child = this.#child(endpoint, status);
    child.count.inc();
    child.duration.observe(durationMs / 1000);
    if (cold) this.#coldStarts.inc({ org: endpoint.spec.org, endpoint: endpoint.spec.endpoint });
  }

  #forget(endpoint: LiveEndpoint): void {
    const { org, endpoint: name } = endpoint.spec;
    this.#coldStarts.remove({ org, endpoint: name });
    for (const status of this.#children.get(endpoint)?.keys() ?? []) {
      const labels = { org, endpoint: name, code: String(status) };
      this.#requests.remove(labels);
      this.#durations.remove(labels);
    }
  }

  #child(endpoint: LiveEndpoint, status: number): Child {
    let byStatus = this.#children.get(endpoint);
    if (!byStatus) {
      byStatus = new Map();
      this.#children.set(endpoint, byStatus);
    }
    let child = byStatus.get(status);
    if (!child) {
      const labels = { org: endpoint.spec.org, endpoint: endpoint.spec.endpoint, code: String(status) };
      child = { count: this.#requests.labels(labels), duration: this.#durations.labels(labels) };
      byStatus.set(status, child);
    }
    return child;
  }
}
