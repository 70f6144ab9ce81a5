import type { IncomingHttpHeaders } from "node:http";
import type { Call } from "../call.ts";
import { loading } from "../load-function.ts";
import { OPENTELEMETRY, TIMES_HEADER } from "./is-traced.ts";

/** Context of OpenTelemetry, as far as it is used here. */
interface Context {
  getValue(key: symbol): unknown;
}

/** The global object of `@opentelemetry/api`: what the function's SDK has registered. */
interface OpenTelemetry {
  readonly context?: {
    active(): Context;
    with<Result>(context: Context, run: () => Result): Result;
  };
  readonly propagation?: {
    extract(context: Context, carrier: IncomingHttpHeaders, getter: typeof GETTER): Context;
  };
}

/** Key of the span in a context. */
const SPAN = Symbol.for("OpenTelemetry Context Key SPAN");

/** The header as the gateway writes it. */
const RAW_TIMES_HEADER = "X-Faas-Trace";

const GETTER = {
  keys: (carrier: IncomingHttpHeaders) => Object.keys(carrier),
  get: (carrier: IncomingHttpHeaders, name: string) => carrier[name],
};

/** Runs a call that belongs to a trace: reports its times to the gateway if that asks for them, and makes the caller's span the parent of the function's. */
export function runTraced<Result>(call: Call, run: () => Result): Result {
  const { headers } = call.request;
  if (headers[TIMES_HEADER] !== undefined) noteBegin(call);
  const { context, propagation } = (globalThis as { [OPENTELEMETRY]?: OpenTelemetry })[OPENTELEMETRY] ?? {};
  if (context === undefined || propagation === undefined) return run();
  const active = context.active();
  // An instrumentation of HTTP has made one for this call already.
  if (active.getValue(SPAN) !== undefined) return run();
  return context.with(propagation.extract(active, headers, GETTER), run);
}

/** Notes when a call began. The function does not see that the gateway asks for it. */
function noteBegin(call: Call): void {
  const { headers, rawHeaders } = call.request;
  delete headers[TIMES_HEADER];
  const at = rawHeaders.indexOf(RAW_TIMES_HEADER);
  if (at >= 0) rawHeaders.splice(at, 2);
  call.tracedAtMs = performance.now();
}

/** Adds the times of an application's call to the head of its response, when it is written. */
export function reportTimesOfApp({ response, tracedAtMs }: Call): void {
  if (tracedAtMs === undefined) return;
  const { writeHead } = response;
  response.writeHead = (...args: unknown[]) => {
    response.writeHead = writeHead;
    response.setHeader("X-Faas-Trace", timesOf(tracedAtMs));
    return writeHead.apply(response, args as Parameters<typeof writeHead>);
  };
}

/** Clocks that differ by more have been set since the start of the process. */
const CLOCK_STEP_MS = 2;

/** Formats the times of a call that began at a time, whose head is written now, and of loading. */
export function timesOf(began: number): string {
  const now = performance.now();
  const off = Date.now() - (performance.timeOrigin + now);
  const offset = performance.timeOrigin + (Math.abs(off) > CLOCK_STEP_MS ? off : 0);
  const handler = `handler=${(offset + began).toFixed(3)}+${(now - began).toFixed(3)}`;
  const { beganAt, endedAt } = loading;
  return `${handler},load=${(offset + beganAt).toFixed(3)}+${(endedAt - beganAt).toFixed(3)}`;
}
