import type { SlotHolder, SlotUser } from "../../endpoints/slot-sharing.ts";

/** The slots of one holder: a replica, or an organization. */
export class SlotPart {
  readonly id: string;
  /** Undefined while this gateway does not know it, or no longer. */
  holder: SlotHolder | undefined;
  /** Holders with the same id that are gone, with calls that are still in flight. */
  retired: SlotHolder[] = [];
  /** Calls that this gateway may have in flight on it. */
  held = 0;
  /** As owner: slots of the other gateways. */
  readonly granted = new Map<string, number>();
  /** As owner: slots have not been dealt out to the other gateways yet. */
  fresh = true;
  /** Since when `holder` is undefined. */
  strangerSinceMs: number;
  /** As owner: until then, another gateway can use it, whatever this one sees. */
  declaredUntilMs = Number.NEGATIVE_INFINITY;
  declaredCapacity = 0;

  constructor(id: string, nowMs: number) {
    this.id = id;
    this.strangerSinceMs = nowMs;
  }

  /** Calls of this gateway that are in flight on it. */
  get used(): number {
    return this.retiredUsed + (this.holder?.inFlight ?? 0);
  }

  get retiredUsed(): number {
    return this.retired.reduce((sum, { inFlight }) => sum + inFlight, 0);
  }

  /** Slots of this gateway without a call. */
  get free(): number {
    return Math.max(0, this.held - this.used);
  }

  get grantedTotal(): number {
    let sum = 0;
    for (const slots of this.granted.values()) sum += slots;
    return sum;
  }

  /** Nothing is known of it that matters. */
  get isEmpty(): boolean {
    return this.holder === undefined && this.retired.length === 0 && this.held <= 0 && this.grantedTotal === 0;
  }

  /** Changes the slots that another gateway has. */
  grant(member: string, slots: number): void {
    const now = (this.granted.get(member) ?? 0) + slots;
    if (now > 0) this.granted.set(member, now);
    else this.granted.delete(member);
  }

  /** Tells the holder how many slots this gateway has. */
  publish(): void {
    if (this.holder) this.holder.slots = Math.max(0, this.held - this.retiredUsed);
  }

  /** Forgets retired holders without calls. */
  forgetEnded(): void {
    if (this.retired.length > 0) this.retired = this.retired.filter(({ inFlight }) => inFlight > 0);
  }
}

/** Time within which an owner that can be asked hands out slots: its process, or this one, may be busy. */
const ANSWER_MS = 2_000;

/** Slots that an owner asked another gateway to return. */
export interface Recall {
  slots: number;
  keep: number;
}

/** Another gateway that uses a pool, as its owner knows it. */
export class Borrower {
  /** Slots that it could use more. */
  wants = 0;
  /** Granted slots that it has not confirmed: when it says what it wants, it may not know of them. */
  unconfirmed = 0;
  /** Last request to return slots. */
  recall: Recall = { slots: 0, keep: 0 };
}

/** The slots of an endpoint or of an organization. One gateway, their owner, hands them out. */
export class SlotPool {
  readonly key: string;
  /** Undefined while this gateway does not know it. */
  user: SlotUser | undefined;
  owner = "";
  readonly parts = new Map<string, SlotPart>();
  /** `user.assignSlots` runs. */
  assigning = false;
  /** When this gateway last got slots: while others want them too, it may use them for a while. */
  turnSinceMs = Number.NEGATIVE_INFINITY;

  // As owner.
  readonly borrowers = new Map<string, Borrower>();
  /** Gateway that got slots last. */
  lastServed = "";

  // As borrower.
  /** Slots that this gateway could use, as the owner knows. */
  wantSent = 0;
  wantSinceMs = 0;
  /** Received slots that the owner does not know to have arrived. */
  unconfirmed = 0;
  /** Slots that the owner wants back. */
  owed = 0;
  keep = 0;
  /** Since when the owner can be asked, if this gateway has got no slots since. */
  unansweredSinceMs: number;

  constructor(key: string, nowMs: number) {
    this.key = key;
    this.unansweredSinceMs = nowMs;
  }

  get capacity(): number {
    return this.user?.capacity ?? 0;
  }

  get waiting(): number {
    return this.user?.waiting ?? 0;
  }

  /** Slots of all usable holders, over all gateways. */
  get total(): number {
    let usable = 0;
    for (const { holder } of this.parts.values()) if (holder?.usable) usable++;
    return usable * this.capacity;
  }

  /** Slots of this gateway. */
  get heldTotal(): number {
    let sum = 0;
    for (const { held } of this.parts.values()) sum += Math.max(0, held);
    return sum;
  }

  /** More slots that this gateway could use. Without a holder it already asks for those of the first one. */
  get wanted(): number {
    const { waiting } = this;
    return waiting === 0 ? 0 : Math.min(waiting, Math.max(this.total, this.capacity));
  }

  get isEmpty(): boolean {
    if (this.parts.size > 0 || this.waiting > 0 || this.wantSent > 0) return false;
    for (const { wants, unconfirmed } of this.borrowers.values()) if (wants > 0 || unconfirmed > 0) return false;
    return true;
  }

  /** True while slots from the owner may be on the way. */
  isUnanswered(nowMs: number): boolean {
    return nowMs - this.unansweredSinceMs < ANSWER_MS;
  }

  part(id: string, nowMs: number): SlotPart {
    let part = this.parts.get(id);
    if (part === undefined) {
      part = new SlotPart(id, nowMs);
      this.parts.set(id, part);
    }
    return part;
  }

  borrower(member: string): Borrower {
    let borrower = this.borrowers.get(member);
    if (borrower === undefined) {
      borrower = new Borrower();
      this.borrowers.set(member, borrower);
    }
    return borrower;
  }

  /** Slots that another gateway has. */
  grantedTo(member: string): number {
    let sum = 0;
    for (const { granted } of this.parts.values()) sum += granted.get(member) ?? 0;
    return sum;
  }

  /** Tells the holders whether another gateway needs slots. Calls on retired ones are always reported. */
  setContended(contended: boolean): void {
    for (const { holder } of this.parts.values()) if (holder) holder.contended = contended;
  }

  /** Forgets what was agreed with other gateways: their view changed. */
  resetRoles(): void {
    this.borrowers.clear();
    this.resetBorrowing();
    for (const part of this.parts.values()) {
      part.granted.clear();
      part.fresh = true;
    }
  }

  /** Begins to borrow: the owner is about to get the whole state. */
  resetBorrowing(): void {
    this.wantSent = 0;
    this.unconfirmed = 0;
    this.owed = 0;
    this.setContended(false);
  }

  /** Gives up its owner, and all slots but those of calls in flight. */
  abandon(): void {
    this.resetRoles();
    this.owner = "";
    for (const part of this.parts.values()) {
      part.held = part.used;
      part.publish();
    }
  }

  /** Keeps this gateway's share of a pool that it owned, at most: the new owner counts it as granted. */
  keepShare(members: number): void {
    const share = Math.floor(this.capacity / members);
    for (const part of this.parts.values()) {
      part.held = Math.max(part.used, Math.min(part.held, share));
      part.publish();
    }
  }

  forgetEmptyParts(): void {
    for (const part of this.parts.values()) {
      part.forgetEnded();
      if (part.isEmpty) this.parts.delete(part.id);
    }
  }
}
