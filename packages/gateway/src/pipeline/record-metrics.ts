import type { RequestMetrics } from "../metrics/request-metrics.ts";
import type { Stage } from "./exchange.ts";

/** One answered request, for whoever wants to show it. */
export interface RequestReport {
  readonly method: string;
  /** As the function sees it. */
  readonly path: string;
  readonly status: number;
  readonly durationMs: number;
  readonly cold: boolean;
}

/** The last stage, of every request for an endpoint that there is: counts it. */
export function recordMetrics(metrics?: RequestMetrics, onRequest?: (report: RequestReport) => void): Stage {
  return (exchange) => {
    const { endpoint, status, cold, request, target } = exchange;
    if (endpoint === undefined) return;
    const durationMs = performance.now() - exchange.arrived;
    metrics?.record(endpoint, status, durationMs, cold);
    onRequest?.({ method: request.method ?? "", path: target, status, durationMs, cold });
  };
}
