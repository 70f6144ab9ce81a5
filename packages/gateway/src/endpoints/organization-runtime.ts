import { type LimitNumbers, limitNumbers } from "@faas/core";
import { concurrencyLimited, type QuotaExceededError, rateLimited } from "../limits/quota-error.ts";
import { RateMeter } from "../limits/rate-meter.ts";
import { RejectionThrottle } from "../limits/rejection-throttle.ts";
import { TokenBucket } from "../limits/token-bucket.ts";
import { ReplicaUsage } from "./replica-quota.ts";
import { type Queued, WaitQueue } from "./wait-queue.ts";

const UNLIMITED = limitNumbers({});

/** A call that waits for its organization's turn in the fair queue. */
export interface QueuedCall extends Queued<QueuedCall> {
  /** True if the call has ended, because its client disconnected. */
  readonly finished: boolean;
  proceed(): void;
}

/** An organization that has endpoints: its limits, and what it uses of them. */
export class OrganizationRuntime {
  readonly name: string;
  /** Resources of its replicas, as a running total. */
  readonly usage = new ReplicaUsage();
  /** Calls in progress, from their admission to the end of their responses. */
  requests = 0;
  /** Calls that wait for the organization's turn (pipeline/fair-queue.ts). */
  readonly queue = new WaitQueue<QueuedCall>();
  /** Responses to calls that were not admitted. */
  readonly rejections = new RejectionThrottle();
  readonly meter = new RateMeter();
  #limits = UNLIMITED;
  /** Undefined while the rate is not limited. */
  #bucket: TokenBucket | undefined;

  constructor(name: string, limits: LimitNumbers = UNLIMITED) {
    this.name = name;
    this.limits = limits;
  }

  get limits(): LimitNumbers {
    return this.#limits;
  }

  set limits(limits: LimitNumbers) {
    const { requestsPerSecond, burst } = limits;
    const bucket = this.#bucket;
    this.#limits = limits;
    if (bucket?.perSecond === requestsPerSecond && bucket.burst === burst) return;
    this.#bucket = Number.isFinite(requestsPerSecond)
      ? new TokenBucket(requestsPerSecond, burst, performance.now())
      : undefined;
  }

  /** Admits a call, and counts it until `leave`; returns an error when a limit is exceeded. Runs for every call. */
  enter(nowMs: number): QuotaExceededError | undefined {
    const { concurrentRequests } = this.#limits;
    if (this.requests >= concurrentRequests) return concurrencyLimited(this.name, concurrentRequests);
    const bucket = this.#bucket;
    if (bucket !== undefined && !bucket.take(nowMs))
      return rateLimited(this.name, bucket.perSecond, bucket.burst, bucket.waitMs(nowMs));
    this.requests++;
    this.meter.count(nowMs);
    return undefined;
  }

  /** Ends a call that `enter` admitted. */
  leave(): void {
    this.requests--;
  }
}
