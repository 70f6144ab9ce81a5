import type { SlotHolder } from "../../endpoints/slot-sharing.ts";
import type { SlotOutbox } from "./slot-outbox.ts";
import type { SlotPart, SlotPool } from "./slot-pool.ts";

/**
 * Time for which a gateway with waiting calls may use slots that others want too: moving a slot takes a fraction of a millisecond, in which it is unused, so
 * that short calls should not move it each time.
 */
const TURN_MS = 10;
/** Time for which a declaration of another gateway, that it can use a holder, counts. */
const DECLARED_MS = 5_000;

/** Parts of the ledger that an owner uses. */
export interface OwnerContext {
  readonly self: string;
  /** Number of members. */
  readonly size: number;
  /** Other members that are connected, and whose use of this gateway's pools is known. */
  readonly reachable: ReadonlySet<string>;
  readonly outbox: SlotOutbox;
  readonly nowMs: number;
}

/** Computes which slots this gateway has itself: those that it did not grant. */
export function refreshOwned(pool: SlotPool, nowMs: number): void {
  for (const part of pool.parts.values()) {
    part.forgetEnded();
    part.held = capacityOf(part, pool, nowMs) - part.grantedTotal;
    part.publish();
  }
}

/** Hands out unused slots to gateways that want them, in turns, and asks others to return some if these are not enough. */
export function serve(pool: SlotPool, context: OwnerContext): void {
  dealFresh(pool, context);
  const wants = wantsOf(pool, context);
  if (wants.size > 0) distribute(pool, wants, context);
  recall(pool, wants, context);
}

/**
 * Decides who gets the slot of a call that ended while other gateways want slots.
 * @returns after the slot was granted, or left to this gateway's own calls
 */
export function releasedByOwner(pool: SlotPool, holder: SlotHolder, context: OwnerContext): void {
  const { self, nowMs } = context;
  if (pool.parts.get(holder.id)?.holder === holder && pool.waiting > 0) {
    const wants = wantsOf(pool, context);
    const keep = Math.floor(pool.total / Math.max(1, wants.size));
    if (!yieldsSlot(pool, keep, nowMs)) return;
    pool.lastServed = self;
  }
  refreshOwned(pool, nowMs);
  serve(pool, context);
}

/**
 * Tells whether a gateway with waiting calls gives up the slot of a call that ended: while it has more than its fair share, at once; the last slot, which the
 * gateways have in turns, at the end of its turn.
 */
export function yieldsSlot(pool: SlotPool, keep: number, nowMs: number): boolean {
  const { heldTotal } = pool;
  if (heldTotal <= keep || (heldTotal === keep + 1 && nowMs - pool.turnSinceMs < TURN_MS)) return false;
  pool.turnSinceMs = nowMs;
  return true;
}

/** Takes note of holders that another gateway can use. */
export function declareHolders(pool: SlotPool, capacity: number, holders: readonly string[], nowMs: number): void {
  for (const id of holders) {
    const part = pool.part(id, nowMs);
    part.declaredCapacity = capacity;
    part.declaredUntilMs = nowMs + DECLARED_MS;
  }
}

function capacityOf(part: SlotPart, pool: SlotPool, nowMs: number): number {
  if (part.holder) return pool.capacity;
  return nowMs < part.declaredUntilMs ? part.declaredCapacity : part.grantedTotal;
}

const isGrantable = (part: SlotPart, nowMs: number) => part.holder?.usable || nowMs < part.declaredUntilMs;

/** Gives each gateway its share of a new holder's slots, before it asks. */
function dealFresh(pool: SlotPool, { size, reachable, outbox, nowMs }: OwnerContext): void {
  for (const part of pool.parts.values()) {
    if (!part.fresh || !part.holder?.usable) continue;
    part.fresh = false;
    const share = Math.floor(capacityOf(part, pool, nowMs) / size);
    for (const member of reachable) {
      const slots = Math.min(share - (part.granted.get(member) ?? 0), part.free);
      if (slots > 0) grant(pool, part, member, slots, outbox);
    }
  }
}

function grant(pool: SlotPool, part: SlotPart, member: string, slots: number, outbox: SlotOutbox): void {
  const borrower = pool.borrower(member);
  borrower.unconfirmed += slots;
  borrower.wants = Math.max(0, borrower.wants - slots);
  part.grant(member, slots);
  part.held -= slots;
  part.publish();
  outbox.grant(member, pool.key, part.id, slots);
}

/** Lists the gateways that want slots, this one included, with their numbers. */
function wantsOf(pool: SlotPool, { self, reachable }: OwnerContext): Map<string, number> {
  const wants = new Map<string, number>();
  if (pool.waiting > 0) wants.set(self, pool.wanted);
  for (const [member, borrower] of pool.borrowers)
    if (borrower.wants > 0 && reachable.has(member)) wants.set(member, borrower.wants);
  return wants;
}

/** Grants unused slots; `wants` is reduced by them. What is left to this gateway's own calls is not granted. */
function distribute(pool: SlotPool, wants: Map<string, number>, context: OwnerContext): void {
  const { self, size, outbox, nowMs } = context;
  const parts = [...pool.parts.values()].filter((part) => part.free > 0 && isGrantable(part, nowMs));
  let free = sumOfFree(parts);
  // A holder that only others can use is of no use to this gateway's own calls.
  let ownFree = sumOfFree(parts.filter(({ holder }) => holder?.usable));
  const served: string[] = [];
  const hungry = new Map(wants);
  while (free > 0 && hungry.size > 0) {
    const quota = Math.max(1, Math.floor(free / hungry.size));
    for (const member of inTurns(hungry, pool.lastServed)) {
      const wanted = hungry.get(member) as number;
      const slots = Math.min(quota, wanted, member === self ? Math.min(ownFree, free) : free);
      if (slots === 0) hungry.delete(member);
      else {
        if (member === self) ownFree -= slots;
        else {
          grantFrom(parts, pool, member, slots, outbox);
          served.push(member);
        }
        free -= slots;
        pool.lastServed = member;
        reduce(wants, member, slots);
        reduce(hungry, member, slots);
      }
    }
  }
  // A gateway whose load grows gets more than it asked for, so that it need not ask for each.
  const extra = Math.floor(free / (2 * size));
  if (extra > 0) for (const member of new Set(served)) grantFrom(parts, pool, member, extra, outbox);
}

const sumOfFree = (parts: readonly SlotPart[]) => parts.reduce((sum, { free }) => sum + free, 0);

function reduce(wants: Map<string, number>, member: string, slots: number): void {
  const left = (wants.get(member) ?? 0) - slots;
  if (left > 0) wants.set(member, left);
  else wants.delete(member);
}

/** Grants slots, evenly over the holders that have some. */
function grantFrom(
  parts: readonly SlotPart[],
  pool: SlotPool,
  member: string,
  slots: number,
  outbox: SlotOutbox,
): void {
  let left = slots;
  const byFree = parts.filter(({ free }) => free > 0).sort((one, other) => other.free - one.free);
  for (const [index, part] of byFree.entries()) {
    if (left === 0) return;
    const some = Math.min(part.free, Math.ceil(left / (byFree.length - index)));
    grant(pool, part, member, some, outbox);
    left -= some;
  }
  if (left > 0 && byFree.length > 0) grantFrom(parts, pool, member, left, outbox);
}

/** Sorts the gateways such that the one after the last that got something comes first. */
function inTurns(wants: ReadonlyMap<string, number>, last: string): string[] {
  const members = [...wants.keys()].sort();
  const next = members.findIndex((member) => member > last);
  return next <= 0 ? members : [...members.slice(next), ...members.slice(0, next)];
}

/** Asks gateways to return what others want and nobody could be granted, and takes back such requests. */
function recall(pool: SlotPool, wants: ReadonlyMap<string, number>, { self, reachable, outbox }: OwnerContext): void {
  let unmet = overdrawn(pool);
  for (const slots of wants.values()) unmet += slots;
  const { total } = pool;
  for (const member of reachable) {
    const borrower = pool.borrowers.get(member);
    const held = borrower === undefined && unmet === 0 ? 0 : pool.grantedTo(member);
    if (borrower === undefined && held === 0) continue;
    const ownWants = wants.get(member) ?? 0;
    const demanding = wants.size + (ownWants > 0 ? 0 : 1);
    const keep = Math.floor(total / Math.max(1, demanding));
    const most = ownWants > 0 ? held - keep : held;
    const slots = Math.max(0, Math.min(unmet - ownWants, most));
    const current = pool.borrower(member);
    if (current.recall.slots === slots && (slots === 0 || current.recall.keep === keep)) continue;
    current.recall = { slots, keep };
    outbox.recall(member, pool.key, slots, keep);
  }
  pool.setContended(unmet - (wants.get(self) ?? 0) > 0);
}

/** Slots that were granted beyond the capacity: it was lowered. */
function overdrawn(pool: SlotPool): number {
  let sum = 0;
  for (const { held } of pool.parts.values()) sum += Math.max(0, -held);
  return sum;
}
