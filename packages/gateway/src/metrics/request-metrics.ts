import type { ServedEndpoint } from "../endpoints/registry.ts";

/** What the gateway reports of each answered request. Called on the hot path. */
export interface RequestMetrics {
  record(endpoint: ServedEndpoint, status: number, durationMs: number, cold: boolean): void;
  /** Counts a call that was rejected because it was over a limit of the organization. */
  limited(endpoint: ServedEndpoint, limit: string): void;
}
