import { type AsyncCall, type AsyncCallState, type AsyncCallSummary, endpointRef } from "@faas/core";
import { parseRecord } from "@faas/gateway";
import { endpointOfTopic } from "../destinations/destination-topic.ts";
import type { MessageState, StoredMessage } from "../queue/queue.ts";
import { type CallHead, type DeliveryNote, parseNote } from "./delivery-note.ts";

/** Head of a call that an older server has stored without it. */
const UNKNOWN_HEAD: CallHead = { method: "", target: "" };
/** Deliveries that are shown. */
const MAX_DELIVERIES = 100;

const STATES = { waiting: "waiting", leased: "running", done: "completed", dead: "failed" } as const;

/** Returns the state of a call by that of its message. */
export const stateOfCall = (status: MessageState["status"]): AsyncCallState => STATES[status];

/** Returns the state of a message by that of its call. */
export const messageStatusOf = (state: AsyncCallState): MessageState["status"] =>
  (Object.keys(STATES) as MessageState["status"][]).find((status) => STATES[status] === state) as never;

/** Returns true for a call that has ended. */
export const hasEnded = ({ status }: Pick<MessageState, "status">): boolean => status === "done" || status === "dead";

/** Returns a call as lists show it. */
export function summarizeCall(message: MessageState): AsyncCallSummary {
  const { id, topic, status, enqueuedMs, attempts, dueMs, keepUntilMs } = message;
  return {
    ...{ id, ...endpointRef(endpointOfTopic(topic)), state: stateOfCall(status) },
    acceptedAt: new Date(enqueuedMs).toISOString(),
    attempts,
    ...(status === "waiting" && dueMs > Date.now() ? { nextDeliveryAt: new Date(dueMs).toISOString() } : {}),
    ...(keepUntilMs === undefined ? {} : { keptUntil: new Date(keepUntilMs).toISOString() }),
  };
}

/** Returns a call with its deliveries. */
export function viewCall(message: StoredMessage): AsyncCall {
  const notes = message.notes.slice(-MAX_DELIVERIES).map(parseNote);
  const last = notes.at(-1);
  const head: CallHead = (message.body ? parseRecord(message.body).request : last?.note.call) ?? UNKNOWN_HEAD;
  const { status, bytes = 0, destination } = last?.note ?? {};
  const response =
    status === undefined || last === undefined
      ? undefined
      : { status, bytes, ...(last.body.length < bytes && last.note.headers ? { truncated: true } : {}) };
  return {
    ...summarizeCall(message),
    ...{ method: head.method, path: head.target },
    ...(head.revision === undefined ? {} : { revision: head.revision }),
    deliveries: notes.map(({ note }) => viewDelivery(note)),
    ...(response === undefined ? {} : { response }),
    ...(destination === undefined || !hasEnded(message) ? {} : { destination }),
  };
}

function viewDelivery({ startedMs, durationMs, requestId, status, code, detail }: DeliveryNote) {
  return {
    startedAt: new Date(startedMs).toISOString(),
    ...{ durationMs, requestId },
    ...(status === undefined ? {} : { status }),
    ...(code === undefined ? {} : { code }),
    ...(detail === undefined ? {} : { detail }),
  };
}
