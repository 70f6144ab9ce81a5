import { CallTrace } from "./call-trace.ts";
import { newSpanId, newTraceId, onlySpanIdOf } from "./random-ids.ts";
import type { Sampler } from "./sampler.ts";
import { parseTraceparent } from "./trace-context.ts";

/**
 * Begins the trace of a call. Returns the header lines for the replica, each after CR LF, if the call is not recorded: those that come after it must not record it either.
 * Runs for every call.
 *
 * @param traceparent and `tracestate` of the client
 */
export type BeginCall = (traceparent: string | undefined, tracestate: string | undefined) => CallTrace | string;

/** Creates the beginning of calls' traces. */
export function callTracer(sampler: Sampler): BeginCall {
  return (traceparent, tracestate) => {
    const parent = traceparent === undefined ? undefined : parseTraceparent(traceparent);
    if (parent === undefined) {
      const traceId = newTraceId();
      // The state of a trace that cannot be read is dropped with it (W3C Trace Context section 4.3).
      if (!sampler.samples(traceId)) return `\r\ntraceparent: 00-${traceId}-${onlySpanIdOf(traceId)}-02`;
      return new CallTrace({ traceId, spanId: newSpanId(), sampled: true, random: true }, undefined, undefined);
    }
    if (sampler.follows(parent))
      return new CallTrace({ ...parent, sampled: true, spanId: newSpanId() }, parent, tracestate);
    const { traceId, spanId, random } = parent;
    const state = tracestate === undefined ? "" : `\r\ntracestate: ${tracestate}`;
    return `\r\ntraceparent: 00-${traceId}-${spanId}-0${random ? 2 : 0}${state}`;
  };
}
