import type { HttpResponse } from "../client/http-transport.ts";
import type { Io } from "./io.ts";
import { colors } from "./output.ts";

/** Milliseconds since a request was sent. */
export interface Elapsed {
  /** Until the head of the response. */
  readonly headMs: number;
  /** Until the end of its body. */
  readonly totalMs: number;
}

/** Entries of `Server-Timing` that the gateway adds, after those of the function. */
const SERVER_STAGES = ["queue", "cold", "exec"] as const;

/**
 * Formats the time of a call as a total and its parts, which add up to it: those that the server measured, the transfer of the body, and the rest, which
 * the network and this client took.
 */
export function formatTiming({ headMs, totalMs }: Elapsed, { headers }: Pick<HttpResponse, "headers">, io: Io) {
  const entries = String(headers["server-timing"] ?? "").split(/,\s*/);
  const durationOf = (name: string) =>
    Number(entries.findLast((entry) => entry.startsWith(`${name};dur=`))?.slice(`${name};dur=`.length) ?? 0);
  const stages = SERVER_STAGES.map((name) => [name, durationOf(name)] as const);
  const serverMs = stages.reduce((sum, [, ms]) => sum + ms, 0);
  const parts = [...stages, ["body", totalMs - headMs] as const, ["network", Math.max(0, headMs - serverMs)] as const];
  const text = parts.map(([name, ms]) => `${name} ${ms.toFixed(1)} ms`).join(", ");
  const cold = headers["x-cold-start"] === "true" ? " (cold start)" : "";
  return colors(io.stderr, io).dim(`total ${totalMs.toFixed(1)} ms${cold}: ${text}`);
}
