import { type AsyncPolicy, endpointRef, FaasError, parseDestination } from "@faas/core";
import type { AcceptedCall, NewAsyncCall, RecordedRequest } from "@faas/gateway";
import { depthOf } from "../async-calls/call-depth.ts";
import { type DeliveryNote, formatNote, parseNote } from "../async-calls/delivery-note.ts";
import { internalCall } from "../async-calls/internal-call.ts";
import type { Lease, Outcome, Queue } from "../queue/queue.ts";
import { type EndedCall, EVENT_TYPE, eventIdOf, formatCallEvent } from "./call-event.ts";

export interface PassOnOptions {
  readonly queue: Pick<Queue, "read">;
  /** Accepts a call that takes the place of one that has ended. */
  readonly accept: (call: NewAsyncCall) => Promise<AcceptedCall>;
}

/** Delivery of a call, and its outcome that is about to be stored. */
export interface DecidedDelivery {
  readonly lease: Lease;
  readonly request: RecordedRequest;
  readonly outcome: Outcome;
  readonly policy: AsyncPolicy;
}

/** Codes of errors because of which a call is not passed on, however often that is tried. */
const PERMANENT: ReadonlySet<string> = new Set(["LOOP_DETECTED", "INVALID_REQUEST"]);

/**
 * Passes a call that ends on to its destination: stores a further call before the end itself is stored. If the server is killed in between, the call is
 * delivered again, and the second time the further call has the idempotency key of the first (docs/decisions/0051-destinations.md).
 *
 * @returns the outcome, whose note says where the call was passed on to
 * @throws QUEUE_FAILED
 */
export async function passOn(
  { lease, request, outcome, policy }: DecidedDelivery,
  { queue, accept }: PassOnOptions,
): Promise<Outcome> {
  if (outcome.type === "retry") return outcome;
  const to = outcome.type === "done" ? policy.onSuccess : policy.onFailure;
  if (to === undefined) return outcome;
  const { note, body } = parseNote(Buffer.from(outcome.note));
  const ended: EndedCall = {
    ...{ id: lease.id, ...endpointRef(lease.topic), method: request.method, path: request.target },
    state: outcome.type === "done" ? "completed" : "failed",
    ...{ enqueuedMs: lease.enqueuedMs, attempts: lease.attempt, note, body },
    retries: await retriesOf(lease, queue),
  };
  const destination = await accepted(callTo(to, ended, request), to, accept);
  return { ...outcome, note: formatNote({ ...note, destination }, body) };
}

/** Returns how many times the call has failed before and was retried by hand: each end of a call is passed on. */
async function retriesOf({ id }: Lease, queue: PassOnOptions["queue"]): Promise<number> {
  const { notes = [] } = (await queue.read(id)) ?? {};
  return notes.filter((each) => parseNote(each).note.isLast).length;
}

function callTo(to: string, ended: EndedCall, request: RecordedRequest): NewAsyncCall {
  const destination = parseDestination(to);
  if (destination === undefined)
    throw new FaasError("INVALID_REQUEST", `Expected the destination to be a valid URL or endpoint, got "${to}"`);
  const { org } = ended;
  const id = eventIdOf(ended);
  const call = {
    ...{ org, requestId: id, idempotencyKey: id, body: formatCallEvent(ended) },
    headers: { "Content-Type": EVENT_TYPE, ...depthOf(request.lines) },
  };
  if (destination.kind === "endpoint") return internalCall({ ...call, ...destination });
  const { endpoint } = ended;
  const { request: recorded, ...rest } = internalCall({ ...call, endpoint });
  const url = destination.url.href;
  return { ...rest, request: { ...recorded, target: url, destination: { org, endpoint, url } } };
}

async function accepted(
  call: NewAsyncCall,
  to: string,
  accept: PassOnOptions["accept"],
): Promise<NonNullable<DeliveryNote["destination"]>> {
  try {
    return { to, call: (await accept(call)).id };
  } catch (error) {
    if (!(error instanceof FaasError && PERMANENT.has(error.code))) throw error;
    return { to, code: error.code, detail: error.message };
  }
}
