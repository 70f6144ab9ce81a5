import {
  type EndpointRegistry,
  LIMITS_OF_CALLS,
  RequestHistogram,
  type RequestMetrics,
  type ServedEndpoint,
} from "@faas/gateway";
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";

/** A timer of its own that never rests: every 10 ms, prom-client's default, it is most of what an idle server does. */
const EVENT_LOOP_SAMPLE_MS = 100;

/** Prometheus' exposition of the gateway and of the process (docs/http-api.md lists them). */
export class Metrics implements RequestMetrics {
  readonly #registry = new Registry();
  readonly #requests = new RequestHistogram();
  readonly #coldStarts: Counter<"org" | "endpoint">;
  readonly #limited: Counter<"org" | "endpoint" | "limit">;

  constructor() {
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: EVENT_LOOP_SAMPLE_MS });
    this.#coldStarts = new Counter({
      name: "faas_cold_starts_total",
      help: "Requests that waited for a replica",
      labelNames: ["org", "endpoint"],
      registers: [this.#registry],
    });
    this.#limited = new Counter({
      name: "faas_requests_limited_total",
      help: "Requests that were refused because they were over a limit of the organization",
      labelNames: ["org", "endpoint", "limit"],
      registers: [this.#registry],
    });
  }

  /** Of `text()`. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  async text(): Promise<string> {
    return `${await this.#registry.metrics()}\n${this.#requests.text}`;
  }

  /** Gauges of what the endpoints do now, read when somebody asks; what is counted of an endpoint goes when it is removed. */
  observe(endpoints: EndpointRegistry): void {
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
    gauge("faas_replicas_ready", "Replicas that answer", (endpoint) => endpoint.replicas.length);
    gauge("faas_replicas_desired", "Replicas that are asked for", (endpoint) => endpoint.desired);
    gauge("faas_requests_in_flight", "Requests that replicas are answering", (endpoint) => endpoint.inFlight);
    gauge("faas_requests_waiting", "Requests that wait for a replica", (endpoint) => endpoint.waiting);
    new Gauge({
      name: "faas_endpoints",
      help: "Endpoints that are registered",
      registers: [this.#registry],
      collect() {
        this.set(endpoints.size);
      },
    });
  }

  record(endpoint: ServedEndpoint, status: number, durationMs: number, cold: boolean): void {
    // Requests may outlive it: they would bring back what nobody takes away any more.
    if (endpoint.removed) return;
    this.#requests.record(endpoint, status, durationMs / 1000);
    if (cold) this.#coldStarts.inc({ org: endpoint.spec.org, endpoint: endpoint.spec.endpoint });
  }

  limited({ spec: { org, endpoint } }: ServedEndpoint, limit: string): void {
    this.#limited.inc({ org, endpoint, limit });
  }

  /** Drops the series of a removed endpoint. */
  forget(endpoint: ServedEndpoint): void {
    const { org, endpoint: name } = endpoint.spec;
    this.#coldStarts.remove({ org, endpoint: name });
    for (const limit of LIMITS_OF_CALLS) this.#limited.remove({ org, endpoint: name, limit });
    this.#requests.forget(endpoint);
  }
}
