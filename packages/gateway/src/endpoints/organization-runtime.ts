import { type LimitNumbers, limitNumbers } from "@faas/core";
import { concurrencyLimited, type QuotaExceededError, rateLimited } from "../limits/quota-error.ts";
import { RateMeter } from "../limits/rate-meter.ts";
import { RejectionThrottle } from "../limits/rejection-throttle.ts";
import { TokenBucket } from "../limits/token-bucket.ts";
import type { ServedEndpoint } from "./served-endpoint.ts";
import { WaitQueue } from "./wait-queue.ts";

const UNLIMITED = limitNumbers({});

/** One organization that has endpoints: its limits, and what it takes of them. */
export class OrganizationRuntime {
  readonly name: string;
  readonly endpoints = new Set<ServedEndpoint>();
  /** Calls under way, from when they were let in until their answers have ended. */
  requests = 0;
  /** Calls that wait for their turn (turns.ts). */
  readonly line = new WaitQueue();
  /** Answers to calls that were not let in. */
  readonly refusals = new RejectionThrottle();
  readonly meter = new RateMeter();
  #limits = UNLIMITED;
  /** Absent: as many a second as come. */
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
    const { perSecond, burst: former } = this.#bucket ?? {};
    this.#limits = limits;
    if (perSecond === requestsPerSecond && former === burst) return;
    this.#bucket = Number.isFinite(requestsPerSecond)
      ? new TokenBucket(requestsPerSecond, burst, performance.now())
      : undefined;
  }

  /** Lets a call in, and counts it until `leave`; or says what it is over. On the way of every call. */
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

  leave(): void {
    this.requests--;
  }
}
