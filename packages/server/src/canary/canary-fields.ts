import type { CanaryState } from "@faas/core";

/** Canary in the record of an endpoint. */

/** Largest differences of a new revision from the old one that are accepted. */
export interface CanaryLimits {
  /** Difference between the shares of failed calls, from 0 to 1. */
  readonly errorRate: number;
  /** Factor between the 95th percentiles of durations. */
  readonly p95: number;
}

/** Calls of a revision, as the record of its endpoint holds them. */
export interface SampleRecord {
  readonly calls: number;
  readonly errors: number;
  /** Buckets of durations, each followed by its number of calls. */
  readonly durations: readonly number[];
}

/** Course that a canary takes. */
export interface CanaryPlan {
  /** Percentages of the calls; the last is 100. */
  readonly steps: readonly number[];
  /** Shortest time of a step. */
  readonly everyMs: number;
  /** Longest time of a step. */
  readonly timeoutMs: number;
  readonly limits: CanaryLimits;
  readonly sticky?: string;
}

/** Last canary of an endpoint. Its revision is in `traffic.canary` while it lasts. */
export interface CanaryRecord {
  readonly revision: string;
  /** Revision that it is compared with. */
  readonly base: string;
  readonly plan: CanaryPlan;
  readonly state: CanaryState;
  /** Index of the present step, or of the last one. */
  readonly step: number;
  readonly startedAt: string;
  readonly stepAt: string;
  readonly endedAt?: string;
  /** Why it ended. */
  readonly reason?: string;
  /** Calls of the step. Absent: none are counted yet. */
  readonly seen?: { readonly canary: SampleRecord; readonly base: SampleRecord };
}
