import type { OrganizationRuntime, QueuedCall } from "../endpoints/organization-runtime.ts";
import type { Stage } from "./exchange.ts";

/**
 * Calls that start in one iteration of the event loop. Each costs some tens of microseconds until its response has been sent: an iteration stays well under a
 * millisecond, and that is what a call of another organization waits for.
 */
const BATCH_CALLS = 16;
/** A call that arrives later than this after the start of a batch belongs to the next one. */
const BATCH_MS = 1;

/** A call that enters the fair queue. */
export interface FairlyQueuedCall extends QueuedCall {
  /** Time of its arrival, on the clock of the queue. */
  readonly arrived: number;
}

/**
 * Shares the gateway's thread among organizations. When more calls arrive than fit in one batch, the rest wait, and organizations take turns: one that sends few
 * calls does not wait behind one that sends many. The queue never idles while a call waits, and it limits only how many calls start at once, not how long
 * functions take.
 */
export class FairQueue {
  readonly #now: () => number;
  /** Organizations with waiting calls, in the order of their turns. */
  readonly #orgs = new Set<OrganizationRuntime>();
  #batchBeganMs = 0;
  #batchCalls = 0;

  /** @param now returns milliseconds on a monotonic clock; `performance.now()` by default */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Lets a call proceed, now or when its organization's turn comes. */
  enter(call: FairlyQueuedCall, org: OrganizationRuntime): void {
    if (this.#orgs.size === 0) {
      if (call.arrived - this.#batchBeganMs > BATCH_MS) {
        this.#batchBeganMs = call.arrived;
        this.#batchCalls = 0;
      }
      if (this.#batchCalls < BATCH_CALLS) {
        this.#batchCalls++;
        call.proceed();
        return;
      }
      setImmediate(this.#startBatch);
    }
    org.queue.push(call);
    this.#orgs.add(org);
  }

  /** Starts calls, one of each organization in turn; an organization that had its turn goes to the end. */
  readonly #startBatch = () => {
    this.#batchBeganMs = this.#now();
    this.#batchCalls = 0;
    // The iteration visits an organization again when it is added again.
    for (const org of this.#orgs) {
      const call = org.queue.shift();
      this.#orgs.delete(org);
      if (org.queue.length > 0) this.#orgs.add(org);
      // Its client may have disconnected.
      if (call === undefined || call.finished) continue;
      call.proceed();
      if (++this.#batchCalls >= BATCH_CALLS) break;
    }
    if (this.#orgs.size > 0) setImmediate(this.#startBatch);
  };
}

/** Lets organizations take turns when more calls arrive than can start at once. */
export function queueFairly(queue: FairQueue): Stage {
  return (exchange) => queue.enter(exchange, exchange.endpoint.org);
}
