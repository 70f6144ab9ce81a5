import { formatHeaded, parseHeaded } from "@faas/gateway";

/** Parts of a call's request that are shown. */
export interface CallHead {
  readonly method: string;
  /** Path and query, as the function sees them. */
  readonly target: string;
  /** Revision or tag that it is for. */
  readonly revision?: string | undefined;
}

/** Result of a delivery, as it is kept with the call. The format is additive: readers ignore fields that they do not know. */
export interface DeliveryNote {
  /** Milliseconds since the epoch. */
  readonly startedMs: number;
  readonly durationMs: number;
  readonly requestId: string;
  /** Status of the function's response. Absent: there was none. */
  readonly status?: number;
  /** Code of the problem where the function did not respond. */
  readonly code?: string;
  readonly detail?: string;
  /** Headers of the function's response, where its body is kept. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** Request of the call, where its own record is no longer kept. */
  readonly call?: CallHead;
  /** Length of the response's body, of which the beginning may be all that is kept. */
  readonly bytes?: number;
  /** The call has failed with this delivery. */
  readonly isLast?: true;
  /** Destination of the call when it ended, with the id of the further call, or the reason why there is none. */
  readonly destination?: {
    readonly to: string;
    readonly call?: string;
    readonly code?: string;
    readonly detail?: string;
  };
}

const NO_BODY = Buffer.alloc(0);

/** Formats a note with the body of the response, as they are stored. */
export const formatNote = (note: DeliveryNote, body: Buffer = NO_BODY): Buffer => formatHeaded(note, body);

/** Parses the result of {@link formatNote}. */
export function parseNote(bytes: Buffer): { readonly note: DeliveryNote; readonly body: Buffer } {
  const { head, body } = parseHeaded<DeliveryNote>(bytes);
  return { note: head, body };
}
