import type { Failure } from "../load.ts";
import type { FaultRow } from "../part.ts";
import type { Fault } from "./fault.ts";
import type { EchoSocket, EventStream } from "./long-lived.ts";
import type { SteadyLoad } from "./steady-load.ts";

/** Outcome of a call to an idle endpoint. */
export interface ColdCall {
  readonly ms: number;
  /** Absent for a successful call. */
  readonly failure?: string;
}

/** Everything that was measured while a fault lasted, and until a moment after it. */
export interface Measured {
  readonly load: SteadyLoad;
  readonly events: EventStream;
  readonly socket: EchoSocket;
  readonly coldCalls: readonly ColdCall[];
  readonly beganMs: number;
  readonly endedMs: number;
  /** Requests that were sent before may fail: they may have been in flight in a process that was lost. */
  readonly excusedUntilMs: number;
  /** POST requests that were executed more than once. */
  readonly repeated: readonly string[];
  /** Other promises that were broken, one line each. */
  readonly broken: readonly string[];
}

/** Returns the calls that failed although nothing excuses it. The failure of a request in flight is a closed connection, or 502. */
export function lostCalls({ load, excusedUntilMs }: Measured): Failure[] {
  return load.failures.filter(
    ({ status, sentMs }) => sentMs > excusedUntilMs || (status !== undefined && status !== 502),
  );
}

/** Lists kinds of failures with their numbers, the most frequent one first. */
export function kindsOf(failures: readonly Failure[], beganMs: number): string[] {
  const kinds = Map.groupBy(failures, ({ id, status, text }) => {
    const problem = /"code":"(\w+)"/.exec(text)?.[1] ?? text.replace(/\d+/g, "#");
    return `${id.split(" ")[0]} ${status ?? "no response"}: ${problem}`;
  });
  return [...kinds]
    .sort(([, some], [, others]) => others.length - some.length)
    .map(([kind, of]) => `${of.length}x ${kind}, sent ${span(of.map(({ sentMs }) => sentMs - beganMs))}`);
}

/** Returns the row of the table for a fault. */
export function rowOf(fault: Pick<Fault, "title" | "endsStreams">, measured: Measured): FaultRow {
  const { load, events, socket, coldCalls, repeated, broken } = measured;
  const lost = lostCalls(measured);
  const coldFailures = coldCalls.filter(({ failure }) => failure !== undefined).length;
  const breaks = events.breaks + socket.breaks;
  return {
    what: fault.title,
    faults: 1,
    tried: load.calls + coldCalls.length,
    of: "calls",
    lost: lost.length + coldFailures + repeated.length + broken.length + (fault.endsStreams ? 0 : breaks),
    seen: detailsOf(measured, lost).join("; "),
  };
}

function detailsOf(measured: Measured, lost: readonly Failure[]): string[] {
  const { load, events, socket, coldCalls, beganMs, endedMs, repeated } = measured;
  const inFlight = load.failures.length - lost.length;
  const coldFailures = coldCalls.filter(({ failure }) => failure !== undefined).length;
  const details = [`lasted ${seconds(endedMs - beganMs)}`];
  if (lost.length > 0) {
    details.push(`failed: ${kindsOf(lost, beganMs).join(", ")}`);
  }
  if (inFlight > 0) details.push(`${inFlight} in flight failed`);
  details.push(`longest gap ${seconds(load.longestGapMs)}`, `slowest ${seconds(load.slowestMs)}`);
  if (coldCalls.length > 0) {
    const slowest = Math.max(...coldCalls.map(({ ms }) => ms));
    details.push(`${coldFailures} of ${coldCalls.length} cold calls failed, slowest ${seconds(slowest)}`);
  }
  details.push(
    `event stream ended ${events.breaks}x, silent for ${seconds(events.longestSilenceMs)}`,
    `WebSocket ended ${socket.breaks}x, silent for ${seconds(socket.longestSilenceMs)}`,
  );
  if (repeated.length > 0) details.push(`${repeated.length} POST executed twice`);
  return details;
}

const span = (times: readonly number[]) => `from ${seconds(Math.min(...times))} to ${seconds(Math.max(...times))}`;

const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
