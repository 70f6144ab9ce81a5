import type { RequestMetrics } from "../metrics/request-metrics.ts";
import type { GatewayView } from "../view/options.ts";

/** Numbers of a gateway process, in Prometheus' text format. */
export class GatewayMetrics {
  readonly #name: string;
  readonly #version: string;
  readonly #view: Pick<GatewayView, "state" | "registry">;
  /** Finished calls by status. */
  readonly #calls = new Map<number, number>();
  #coldStarts = 0;

  /** @param version of the program */
  constructor(name: string, version: string, view: Pick<GatewayView, "state" | "registry">) {
    this.#name = name;
    this.#version = version;
    this.#view = view;
  }

  /** Returns metrics that count calls here and pass them on. */
  counting(metrics: RequestMetrics): RequestMetrics {
    return {
      record: (endpoint, status, durationMs, cold) => {
        this.#calls.set(status, (this.#calls.get(status) ?? 0) + 1);
        if (cold) this.#coldStarts++;
        metrics.record(endpoint, status, durationMs, cold);
      },
      limited: (endpoint, limit) => metrics.limited(endpoint, limit),
    };
  }

  /** @param connections connected clients */
  text(connections: number): string {
    const { state, registry } = this.#view;
    let inFlight = 0;
    let waiting = 0;
    for (const endpoint of registry.awake) {
      inFlight += endpoint.inFlight;
      waiting += endpoint.waiting;
    }
    const { user, system } = process.cpuUsage();
    const calls = Array.from(this.#calls, ([status, count]) => [`{code="${status}"}`, count] as const);
    return [
      metric("faas_gateway_info", "gauge", "Name and version", [
        [`{name="${this.#name}",version="${this.#version}"}`, 1],
      ]),
      metric("faas_gateway_linked", "gauge", "1 while the gateway is linked to the control server", [
        ["", state.link === "linked" ? 1 : 0],
      ]),
      metric("faas_gateway_view_age_seconds", "gauge", "Time since the control server was last heard", [
        ["", Math.min(state.ageMs, Number.MAX_SAFE_INTEGER) / 1000],
      ]),
      metric("faas_gateway_view_version", "gauge", "Last version of the state that was applied", [["", state.version]]),
      metric("faas_gateway_endpoints", "gauge", "Known endpoints", [["", registry.size - registry.variants]]),
      metric("faas_gateway_connections", "gauge", "Connected clients", [["", connections]]),
      metric("faas_gateway_requests_in_flight", "gauge", "Requests in flight on replicas", [["", inFlight]]),
      metric("faas_gateway_requests_waiting", "gauge", "Requests that wait for a replica", [["", waiting]]),
      metric("faas_gateway_requests_total", "counter", "Requests answered, by status code", calls),
      metric("faas_gateway_cold_starts_total", "counter", "Requests that waited for a replica", [
        ["", this.#coldStarts],
      ]),
      metric("process_resident_memory_bytes", "gauge", "Memory of the process", [["", process.memoryUsage.rss()]]),
      metric("process_cpu_seconds_total", "counter", "CPU time of the process", [["", (user + system) / 1e6]]),
    ].join("");
  }
}

/** Formats a metric (Prometheus text format 0.0.4). */
function metric(
  name: string,
  type: "gauge" | "counter",
  help: string,
  values: readonly (readonly [labels: string, value: number])[],
): string {
  const lines = values.map(([labels, value]) => `${name}${labels} ${value}\n`).join("");
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines}`;
}
