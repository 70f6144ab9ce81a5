import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
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

const GETTER = {
  keys: (carrier: IncomingHttpHeaders) => Object.keys(carrier),
  get: (carrier: IncomingHttpHeaders, name: string) => carrier[name],
};

/** Runs a call that belongs to a trace: reports its times to the gateway if that asks for them, and makes the caller's span the parent of the function's. */
export function runTraced<Result>(
  { request, response }: Pick<Call, "request" | "response">,
  run: () => Result,
): Result {
  const { headers } = request;
  if (headers[TIMES_HEADER] !== undefined) reportTimes(request, response);
  const { context, propagation } = (globalThis as { [OPENTELEMETRY]?: OpenTelemetry })[OPENTELEMETRY] ?? {};
  if (context === undefined || propagation === undefined) return run();
  const active = context.active();
  // An instrumentation of HTTP has made one for this call already.
  if (active.getValue(SPAN) !== undefined) return run();
  return context.with(propagation.extract(active, headers, GETTER), run);
}

/** Adds the times until the response's head to that head. The function does not see that the gateway asks for them. */
function reportTimes({ headers, rawHeaders }: IncomingMessage, response: ServerResponse): void {
  delete headers[TIMES_HEADER];
  const at = rawHeaders.findIndex((name) => name.toLowerCase() === TIMES_HEADER);
  if (at % 2 === 0) rawHeaders.splice(at, 2);
  const began = performance.now();
  const { writeHead } = response;
  response.writeHead = (...args: unknown[]) => {
    response.writeHead = writeHead;
    response.setHeader("X-Faas-Trace", timesUntilNow(began));
    return writeHead.apply(response, args as Parameters<typeof writeHead>);
  };
}

/** Clocks that differ by more have been set since the start of the process. */
const CLOCK_STEP_MS = 2;

function timesUntilNow(began: number): string {
  const now = performance.now();
  const off = Date.now() - (performance.timeOrigin + now);
  const offset = performance.timeOrigin + (Math.abs(off) > CLOCK_STEP_MS ? off : 0);
  const handler = `handler=${(offset + began).toFixed(3)}+${(now - began).toFixed(3)}`;
  const { beganAt, endedAt } = loading;
  return `${handler},load=${(offset + beganAt).toFixed(3)}+${(endedAt - beganAt).toFixed(3)}`;
}
