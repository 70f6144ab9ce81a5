import { type LimitNumbers, limitNumbers } from "@faas/core";
import { type AdmissionCall, AdmissionQueue } from "../limits/admission-queue.ts";
import { concurrencyLimited, type QuotaExceededError, rateLimited } from "../limits/quota-error.ts";
import { RateMeter } from "../limits/rate-meter.ts";
import { RejectionThrottle } from "../limits/rejection-throttle.ts";
import { TokenBucket } from "../limits/token-bucket.ts";
import type { Timers } from "./ejection.ts";
import { ReplicaUsage } from "./replica-quota.ts";
import type { GatewaySharing, RateLimited, SlotHolder, SlotUser } from "./slot-sharing.ts";
import { type Queued, WaitQueue } from "./wait-queue.ts";

const UNLIMITED = limitNumbers({});

/** A call that waits for its organization's turn in the fair queue. */
export interface QueuedCall extends Queued<QueuedCall> {
  /** True if the call has ended, because its client disconnected. */
  readonly finished: boolean;
  proceed(): void;
}

/** An organization that has endpoints: its limits, and what it uses of them. */
export class OrganizationRuntime implements SlotUser, SlotHolder, RateLimited {
  readonly name: string;
  /** As a holder of slots: an organization has only one. */
  readonly id = "";
  readonly usable = true;
  /** Resources of its replicas, as a running total. */
  readonly usage = new ReplicaUsage();
  /** Calls in progress at this gateway, from their admission to the end of their responses. */
  requests = 0;
  /** Calls that may be in progress at this gateway. */
  slots: number;
  contended = false;
  /** Calls that wait for the organization's turn (pipeline/fair-queue.ts). */
  readonly queue = new WaitQueue<QueuedCall>();
  /** Responses to calls that were not admitted. */
  readonly rejections = new RejectionThrottle();
  readonly meter = new RateMeter();
  #limits = UNLIMITED;
  #bucket: TokenBucket | undefined;
  /** Undefined for a gateway without others. */
  readonly #sharing: GatewaySharing | undefined;
  readonly #timers: Timers | undefined;
  /** Undefined until a call has to wait for a slot. */
  #admissions: AdmissionQueue | undefined;

  /**
   * @param sharing absent for a gateway without others
   * @param timers defaults to the system's
   */
  constructor(
    name: string,
    limits: LimitNumbers = UNLIMITED,
    sharing: GatewaySharing | undefined = undefined,
    timers: Timers | undefined = undefined,
  ) {
    this.name = name;
    this.slots = limits.concurrentRequests;
    this.limits = limits;
    this.#sharing = sharing;
    this.#timers = timers;
    if (sharing === undefined) return;
    this.slots = 0;
    sharing.slots.added(this, this);
  }

  get key(): string {
    return this.name;
  }

  get capacity(): number {
    return this.#limits.concurrentRequests;
  }

  get inFlight(): number {
    return this.requests;
  }

  get bucket(): TokenBucket | undefined {
    return this.#bucket;
  }

  /** Calls that wait for a slot which another gateway may not need. */
  get waiting(): number {
    return this.#admissions?.length ?? 0;
  }

  get limits(): LimitNumbers {
    return this.#limits;
  }

  set limits(limits: LimitNumbers) {
    const { requestsPerSecond, burst } = limits;
    const bucket = this.#bucket;
    this.#limits = limits;
    if (this.#sharing) this.#sharing.slots.changed(this);
    else this.slots = limits.concurrentRequests;
    if (bucket?.perSecond === requestsPerSecond && bucket.burst === burst) return;
    this.#bucket = Number.isFinite(requestsPerSecond)
      ? new TokenBucket(requestsPerSecond, burst, performance.now())
      : undefined;
  }

  /** Admits a call, and counts it until `leave`; returns an error when a limit is exceeded. Runs for every call. */
  enter(nowMs: number): QuotaExceededError | undefined {
    if (this.requests >= this.slots) return concurrencyLimited(this.name, this.#limits.concurrentRequests);
    const bucket = this.#bucket;
    if (bucket !== undefined) {
      if (!bucket.take(nowMs)) return rateLimited(this.name, bucket.perSecond, bucket.burst, bucket.waitMs(nowMs));
      this.#sharing?.rates.admitted(this, nowMs);
    }
    this.requests++;
    this.meter.count(nowMs);
    return undefined;
  }

  /** Lets a call that found all slots in use wait for one that another gateway does not need. Returns `false` if it must be rejected at once. */
  waitToEnter(call: AdmissionCall): boolean {
    const slots = this.#sharing?.slots;
    if (slots === undefined || this.slots >= this.capacity) return false;
    this.#admissions ??= new AdmissionQueue(
      { isUndecided: () => slots.isUndecided(this), onTimeout: () => slots.changed(this) },
      this.#timers,
    );
    const waits = this.#admissions.push(call);
    if (waits) slots.changed(this);
    return waits;
  }

  /** Ends a call that `enter` admitted. */
  leave(): void {
    this.requests--;
    if (this.contended) this.#sharing?.slots.released(this, this);
    if (this.#admissions !== undefined && this.#admissions.length > 0) this.assignSlots();
  }

  assignSlots(): void {
    const admissions = this.#admissions;
    if (admissions === undefined || admissions.length === 0) return;
    while (this.requests < this.slots && admissions.admitFirst());
    this.#sharing?.slots.changed(this);
  }

  /** Ends the sharing of its slots: it no longer has endpoints. */
  remove(): void {
    this.#sharing?.slots.removed(this, this);
  }
}
