import type { TokenBucket } from "../limits/token-bucket.ts";

/** Something whose calls in flight are limited over all gateways: a replica, or an organization as a whole. */
export interface SlotHolder {
  /** Unique within its user; the same at every gateway. */
  readonly id: string;
  /** Calls that this gateway has in flight on it. */
  readonly inFlight: number;
  /** True if it can get new calls. */
  readonly usable: boolean;
  /** Calls that this gateway may have in flight on it. */
  slots: number;
  /** Another gateway needs slots: `SlotSharing.released` is to be called for each call that ends. */
  contended: boolean;
}

/** An endpoint, whose replicas have slots, or an organization, which has slots itself. Calls that find no free slot wait. */
export interface SlotUser {
  /** "org/endpoint", or the name of an organization. */
  readonly key: string;
  /** Calls that one holder may have in flight, over all gateways. */
  readonly capacity: number;
  /** Calls that wait for a slot. */
  readonly waiting: number;
  /** Gives free slots to waiting calls. */
  assignSlots(): void;
}

/** Shares slots with other gateways (peers/slots/slot-ledger.ts). A gateway without others has all slots itself, and needs none. */
export interface SlotSharing {
  /** A holder appeared: sets its slots. Calls nothing of the user before it returns. */
  added(user: SlotUser, holder: SlotHolder): void;
  /** A holder is gone; calls on it may still be in flight. */
  removed(user: SlotUser, holder: SlotHolder): void;
  /** A call on a contended holder ended: another gateway may get its slot. */
  released(user: SlotUser, holder: SlotHolder): void;
  /** Tells whether the owner of its slots cannot be asked for more at the moment. */
  isUndecided(user: SlotUser): boolean;
  /** The number of waiting calls, or of holders that are usable, changed. */
  changed(user: SlotUser): void;
}

/** An organization with a limit on its requests per second. */
export interface RateLimited {
  readonly name: string;
  /** Undefined while the rate is not limited. */
  readonly bucket: TokenBucket | undefined;
}

/** Shares rates with other gateways (peers/rate-sharing.ts). */
export interface RateSharing {
  /** A call of the organization was admitted here. */
  admitted(org: RateLimited, nowMs: number): void;
}

/** Both kinds of limits that gateways share. */
export interface GatewaySharing {
  readonly slots: SlotSharing;
  readonly rates: RateSharing;
}
