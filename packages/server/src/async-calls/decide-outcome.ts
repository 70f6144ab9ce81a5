import type { AsyncPolicy, ErrorCode, Problem } from "@faas/core";
import type { DeliveryResponse } from "@faas/gateway";
import type { Outcome } from "../queue/queue.ts";
import { type CallHead, type DeliveryNote, formatNote } from "./delivery-note.ts";

/** A delivery that has ended. */
export interface EndedDelivery {
  readonly response: DeliveryResponse;
  readonly call: CallHead;
  /** Number of the delivery, from 1. */
  readonly attempt: number;
  readonly requestId: string;
  /** Milliseconds since the epoch. */
  readonly startedMs: number;
  readonly endedMs: number;
}

/** Problems that say that there is no room now: the call is delivered again, and this delivery does not count. */
const NO_ROOM: ReadonlySet<string> = new Set<ErrorCode>([
  "RATE_LIMITED",
  "CONCURRENCY_LIMITED",
  "NO_CAPACITY",
  "SERVER_STOPPING",
  "CONTROL_SERVER_AWAY",
  "CLUSTER_UNREACHABLE",
]);
/** Problems that another delivery would have too. */
const PERMANENT: ReadonlySet<string> = new Set<ErrorCode>([
  "ENDPOINT_NOT_FOUND",
  "ORG_NOT_FOUND",
  "REVISION_NOT_FOUND",
  "BODY_TOO_LARGE",
  "DESTINATION_NOT_ALLOWED",
  "STATE_DAMAGED",
]);
/** Wait after a delivery for which there was no room. */
const NO_ROOM_MS = 500;
/** Longest wait that a `Retry-After` causes. */
const MAX_RETRY_AFTER_MS = 86_400_000;

/**
 * Decides how a delivery ends: the response is the result of the call, or the call is delivered again, or it has failed.
 *
 * @param random returns a number from 0 to 1, for jitter
 */
export function decideOutcome(delivery: EndedDelivery, policy: AsyncPolicy, random: () => number): Outcome {
  const { response, attempt, endedMs } = delivery;
  const { status, from, body } = response;
  if (from === "function" && !policy.isFailure(status))
    return {
      type: "done",
      note: formatNote({ ...noteWithResponse(delivery), call: headOf(delivery) }, body),
      keepMs: policy.keepMs,
    };
  const problem = from === "gateway" ? problemOf(response) : undefined;
  // An aborted delivery: the server stops.
  if (from === "gateway" && problem === undefined) return { type: "retry", dueMs: endedMs, isUncounted: true };
  if (problem !== undefined && NO_ROOM.has(problem.code))
    return { type: "retry", dueMs: endedMs + jittered(NO_ROOM_MS, random), isUncounted: true };
  const note: DeliveryNote = from === "function" ? noteWithResponse(delivery) : failureNote(delivery, problem);
  if (attempt >= policy.attempts || (problem !== undefined && PERMANENT.has(problem.code)))
    return {
      type: "dead",
      note: formatNote({ ...note, isLast: true }, from === "function" ? body : undefined),
      keepMs: DEAD_KEEP_MS,
    };
  const { headers: _, ...withoutHeaders } = note;
  const waitMs = Math.max(
    backoffMs(attempt, policy, random),
    from === "function" ? retryAfterMs(response, endedMs) : 0,
  );
  return { type: "retry", dueMs: endedMs + waitMs, note: formatNote(withoutHeaders) };
}

/** Time for which a failed call can be retried: 14 days. */
const DEAD_KEEP_MS = 14 * 86_400_000;

/** Returns the wait before the next delivery: it doubles with each, and a random half of it is jitter. */
function backoffMs(attempt: number, { backoffMs, maxBackoffMs }: AsyncPolicy, random: () => number): number {
  return jittered(Math.min(maxBackoffMs, backoffMs * 2 ** (attempt - 1)), random);
}

const jittered = (ms: number, random: () => number) => Math.round(ms / 2 + (ms / 2) * random());

/** Returns the time that a response asks for (RFC 9110 section 10.2.3): seconds, or a date. */
function retryAfterMs({ headers }: Pick<DeliveryResponse, "headers">, nowMs: number): number {
  const value = headers.find(([name]) => name.toLowerCase() === "retry-after")?.[1].trim() ?? "";
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - nowMs;
  return Number.isNaN(ms) ? 0 : Math.min(MAX_RETRY_AFTER_MS, Math.max(0, ms));
}

const headOf = ({ call: { method, target, revision } }: EndedDelivery): CallHead => ({
  ...{ method, target },
  ...(revision === undefined ? {} : { revision }),
});

const times = ({ startedMs, endedMs, requestId }: EndedDelivery) => ({
  ...{ startedMs, requestId },
  durationMs: endedMs - startedMs,
});

function noteWithResponse(delivery: EndedDelivery): DeliveryNote {
  const { status, headers, bytes } = delivery.response;
  return { ...times(delivery), status, headers, bytes };
}

function failureNote(delivery: EndedDelivery, problem: Problem | undefined): DeliveryNote {
  if (problem !== undefined) return { ...times(delivery), code: problem.code, detail: problem.detail };
  return { ...times(delivery), code: "REPLICA_FAILED", detail: "The response ended before it was complete" };
}

/** Returns the problem document of the gateway; undefined for a delivery that was aborted. */
function problemOf({ status, body }: DeliveryResponse): Problem | undefined {
  return status === 499 ? undefined : (JSON.parse(body.toString()) as Problem);
}
