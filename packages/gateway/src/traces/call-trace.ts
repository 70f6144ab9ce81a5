import { performance } from "node:perf_hooks";
import { newSpanId } from "./random-ids.ts";
import { formatTraceparent, type TraceContext } from "./trace-context.ts";

/** Time in a queue. Times are those of `performance.now()`. */
export interface Wait {
  readonly began: number;
  readonly ended: number;
  /** The first part of it, until a replica was ready. */
  readonly coldMs: number;
}

/** A request to a replica. */
export interface Attempt {
  /** Id in the `traceparent` that the replica received. */
  readonly spanId: string;
  readonly replica: string | undefined;
  readonly began: number;
  ended: number | undefined;
  /** Times of the wrapper, from its response. */
  times: string | undefined;
  error: string | undefined;
}

/** Records what happens to a sampled call on its way through the gateway. */
export class CallTrace {
  readonly parent: TraceContext | undefined;
  /** Position of the call's own span. */
  readonly context: TraceContext;
  /** Value of `tracestate`. */
  readonly state: string | undefined;
  /** Stages that began, with their times. */
  readonly stages: (readonly [name: string, began: number])[] = [];
  readonly waits: Wait[] = [];
  readonly attempts: Attempt[] = [];
  /** Code of the problem that the client received. */
  failure: string | undefined;

  constructor(context: TraceContext, parent: TraceContext | undefined, state: string | undefined) {
    this.context = context;
    this.parent = parent;
    this.state = state;
  }

  get traceId(): string {
    return this.context.traceId;
  }

  enter(stage: string): void {
    this.stages.push([stage, performance.now()]);
  }

  waited(began: number, ended: number, coldMs: number): void {
    this.waits.push({ began, ended, coldMs });
  }

  /** Begins a request to a replica. Returns its header lines, each after CR LF. */
  attempt(replica: string | undefined): string {
    const spanId = newSpanId();
    this.attempts.push({
      ...{ spanId, replica, began: performance.now() },
      ...{ ended: undefined, times: undefined, error: undefined },
    });
    const state = this.state === undefined ? "" : `\r\ntracestate: ${this.state}`;
    return `\r\ntraceparent: ${formatTraceparent({ ...this.context, spanId })}${state}\r\nX-Faas-Trace: 1`;
  }

  /** Takes over the times of the wrapper from its response. */
  responded(times: string | undefined): void {
    const attempt = this.attempts.at(-1);
    if (attempt) attempt.times = times;
  }

  /** Ends the request to a replica that failed. */
  attemptFailed(reason: string): void {
    const attempt = this.attempts.at(-1);
    if (attempt === undefined || attempt.ended !== undefined) return;
    attempt.ended = performance.now();
    attempt.error = reason;
  }
}
