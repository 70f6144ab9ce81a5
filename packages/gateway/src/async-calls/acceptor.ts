import type { RecordedRequest } from "./call-record.ts";

/** Accepts asynchronous calls: the control server's queue, or the way to it. */
export interface AsyncCallAcceptor {
  /**
   * Stores a call; it will be delivered when the promise has resolved, whatever happens to the server.
   *
   * @throws CALLS_LIMITED, QUEUE_FAILED, CONTROL_SERVER_AWAY
   */
  accept(call: NewAsyncCall): Promise<AcceptedCall>;
}

/** A call to be accepted. */
export interface NewAsyncCall {
  readonly org: string;
  readonly endpoint: string;
  /** Revision that would have processed it now. Absent: the serving one. */
  readonly servingRevision?: string;
  readonly request: RecordedRequest;
  readonly body: Buffer;
  readonly idempotencyKey?: string;
  /** Calls with this key are delivered one at a time, in order. */
  readonly orderKey?: string;
  /** Time before the first delivery. */
  readonly delayMs?: number;
}

/** Receipt for an asynchronous call. */
export interface AcceptedCall {
  readonly id: string;
  /** An earlier call has the idempotency key, and this is its id. */
  readonly isDuplicate: boolean;
}
