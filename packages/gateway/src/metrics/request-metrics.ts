import type { ServedEndpoint } from "../endpoints/served-endpoint.ts";

/** Receives counts from the gateway, on its hot path. */
export interface RequestMetrics {
  /** Counts a finished request. @param traceId of a request whose trace is recorded */
  record(endpoint: ServedEndpoint, status: number, durationMs: number, cold: boolean, traceId?: string): void;
  /** Counts a call that was rejected because it exceeded a limit of its organization. */
  limited(endpoint: ServedEndpoint, limit: string): void;
}
