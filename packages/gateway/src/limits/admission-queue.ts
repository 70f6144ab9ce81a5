import { SYSTEM_TIMERS, type Timers } from "../endpoints/ejection.ts";

/** Longest time that a call waits for a slot of its organization: other gateways return unused ones within milliseconds. */
const MAX_WAIT_MS = 50;
/** Calls that wait; further ones are rejected at once. */
const MAX_LENGTH = 1_000;

/** A call that waits until its organization may have another one in progress. */
export interface AdmissionCall {
  /** True if the call has ended, because its client disconnected. */
  readonly finished: boolean;
  /** Continues: there is a slot. */
  onOrganizationSlot(): void;
  /** Ends: it got no slot in time. */
  onOrganizationFull(): void;
}

/**
 * Calls that found all slots of their organization in use at this gateway, while other gateways may have unused ones. First in, first out; a call that gets no
 * slot within `MAX_WAIT_MS` is rejected.
 */
export class AdmissionQueue {
  readonly #timers: Timers;
  /** Waiting calls with the timers of their rejections, in the order of their arrival. */
  readonly #waiting = new Map<AdmissionCall, object>();

  /** @param timers defaults to the system's */
  constructor(timers: Timers = SYSTEM_TIMERS) {
    this.#timers = timers;
  }

  get length(): number {
    return this.#waiting.size;
  }

  /** Adds a call; returns `false` if the queue is full. */
  push(call: AdmissionCall): boolean {
    if (this.#waiting.size >= MAX_LENGTH) return false;
    const timer = this.#timers.setTimeout(() => {
      this.#waiting.delete(call);
      if (!call.finished) call.onOrganizationFull();
    }, MAX_WAIT_MS);
    this.#waiting.set(call, timer);
    return true;
  }

  /** Removes the first call whose client is still there, and lets it continue. Returns `false` if there is none. */
  admitFirst(): boolean {
    for (const [call, timer] of this.#waiting) {
      this.#timers.clearTimeout(timer);
      this.#waiting.delete(call);
      if (call.finished) continue;
      call.onOrganizationSlot();
      return true;
    }
    return false;
  }
}
