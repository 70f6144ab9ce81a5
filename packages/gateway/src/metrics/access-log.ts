import type { ServedEndpoint } from "../endpoints/served-endpoint.ts";

/** A finished call, with what is recorded of it. */
export interface FinishedCall {
  readonly endpoint: ServedEndpoint;
  /** The endpoint that a variant belongs to. Absent: `endpoint` is not a variant. */
  readonly main?: ServedEndpoint | undefined;
  readonly request: { readonly method?: string | undefined };
  readonly requestId: string;
  /** Time of its arrival by `performance.now()`. */
  readonly arrived: number;
  /** Path and query as the function received them. */
  readonly target: string;
  readonly status: number;
  /** The call waited for a replica. */
  readonly cold: boolean;
  /** The last replica that the call was sent to. */
  readonly servedBy: { readonly id: string; readonly revision: string } | undefined;
  /** Milliseconds that the call waited for a slot, and the part of it until a replica was ready. */
  readonly waitedMs: number;
  readonly coldMs: number;
  /** Milliseconds on replicas that failed before they responded. */
  readonly lostMs: number;
  /** Milliseconds from the arrival until the head of the response; 0 without one of a replica. */
  readonly headMs: number;
  /** Absent: the trace of the call is not recorded. */
  readonly trace: { readonly traceId: string } | undefined;
}

/** A finished call with its times; `endpoint` is not a variant. */
export interface LoggedCall extends Omit<FinishedCall, "main"> {
  readonly durationMs: number;
  /** Milliseconds since the epoch. */
  readonly endedMs: number;
}

/** Receives finished calls from the gateway, on its hot path. */
export interface AccessLog {
  record(call: FinishedCall, durationMs: number): void;
}
