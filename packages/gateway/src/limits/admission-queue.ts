import { SYSTEM_TIMERS, type Timers } from "../endpoints/ejection.ts";

/** Longest time that a call waits for a slot of its organization: other gateways return unused ones within milliseconds. */
const WAIT_MS = 50;
/** How many times as long it waits while it is unknown whether other gateways have some: one of them may have crashed. */
const MAX_WAITS = 100;
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

/** The slots that calls wait for. */
export interface AwaitedSlots {
  /** Tells whether it is unknown at the moment if other gateways have unused ones. */
  isUndecided(): boolean;
  /** Called when a call no longer waits for one. */
  onTimeout(): void;
}

/**
 * Calls that found all slots of their organization in use at this gateway, while other gateways may have unused ones. First in, first out; a call that gets no
 * slot within `WAIT_MS` is rejected.
 */
export class AdmissionQueue {
  readonly #slots: AwaitedSlots;
  readonly #timers: Timers;
  /** Waiting calls with the timers of their rejections, in the order of their arrival. */
  readonly #waiting = new Map<AdmissionCall, object>();

  /** @param timers defaults to the system's */
  constructor(slots: AwaitedSlots, timers: Timers = SYSTEM_TIMERS) {
    this.#slots = slots;
    this.#timers = timers;
  }

  get length(): number {
    return this.#waiting.size;
  }

  /** Adds a call; returns `false` if the queue is full. */
  push(call: AdmissionCall): boolean {
    if (this.#waiting.size >= MAX_LENGTH) return false;
    this.#wait(call, MAX_WAITS);
    return true;
  }

  #wait(call: AdmissionCall, waits: number): void {
    const timer = this.#timers.setTimeout(() => {
      if (!call.finished && waits > 1 && this.#slots.isUndecided()) {
        this.#wait(call, waits - 1);
        return;
      }
      this.#waiting.delete(call);
      this.#slots.onTimeout();
      if (!call.finished) call.onOrganizationFull();
    }, WAIT_MS);
    this.#waiting.set(call, timer);
  }

  /** Lets the first call continue whose client is still connected. Returns `false` if no such call waits. */
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
