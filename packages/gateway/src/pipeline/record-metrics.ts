import type { AccessLog } from "../metrics/access-log.ts";
import type { RequestMetrics } from "../metrics/request-metrics.ts";
import type { Stage } from "./exchange.ts";

/** A finished request, for display. */
export interface RequestReport {
  /** "org/endpoint". */
  readonly endpoint: string;
  readonly method: string;
  /** Path and query as the function received them. */
  readonly path: string;
  readonly status: number;
  readonly durationMs: number;
  readonly cold: boolean;
}

/** Counts and logs a finished request. Runs at the end of every request that was routed to an endpoint. */
export function recordMetrics(
  metrics?: RequestMetrics,
  accessLog?: AccessLog,
  onRequest?: (report: RequestReport) => void,
): Stage {
  return (exchange) => {
    const { endpoint, status, cold, request, target } = exchange;
    const durationMs = performance.now() - exchange.arrived;
    metrics?.record(endpoint, status, durationMs, cold, exchange.trace?.traceId);
    accessLog?.record(exchange, durationMs);
    onRequest?.({ endpoint: endpoint.key, method: request.method, path: target, status, durationMs, cold });
  };
}
