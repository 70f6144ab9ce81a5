import type { IncomingMessage } from "node:http";

/** Header with which the gateway asks for the times of a call, and in which they are sent. */
export const TIMES_HEADER = "x-faas-trace";

/** Key of the global object of `@opentelemetry/api`, which all its copies in a process share. */
export const OPENTELEMETRY = Symbol.for("opentelemetry.js.api.1");

/** Tests whether a call belongs to a trace that somebody here wants to know of: the gateway, or the function's own OpenTelemetry. Runs for every call. */
export function isTraced({ headers }: IncomingMessage): boolean {
  return headers.traceparent !== undefined && (headers[TIMES_HEADER] !== undefined || OPENTELEMETRY in globalThis);
}
