import type { SlotHolder } from "../../endpoints/slot-sharing.ts";
import type { HeldPool } from "../messages.ts";
import type { SlotOutbox } from "./slot-outbox.ts";
import { yieldsSlot } from "./slot-owner.ts";
import type { SlotPart, SlotPool } from "./slot-pool.ts";

/** Time after which slots of a holder that this gateway does not know are returned: its status may be on the way. */
const STRANGER_MS = 5_000;

/** Takes slots that the owner granted. */
export function receiveGrant(pool: SlotPool, holder: string, slots: number, nowMs: number): void {
  const part = pool.part(holder, nowMs);
  part.held += slots;
  part.publish();
  pool.unconfirmed += slots;
  pool.unansweredSinceMs = Number.NEGATIVE_INFINITY;
  pool.wantSent = Math.max(0, pool.wantSent - slots);
  pool.turnSinceMs = nowMs;
}

/** Notes how many slots the owner wants back. Unused ones are returned later, when waiting calls have got what they need. */
export function receiveRecall(pool: SlotPool, slots: number, keep: number): void {
  pool.owed = slots;
  pool.keep = keep;
}

/** Returns unused slots as far as the owner wants them; first those that this gateway cannot use itself. */
export function returnUnused(pool: SlotPool, outbox: SlotOutbox): void {
  if (pool.owed === 0) return;
  const parts = [...pool.parts.values()].filter(({ free }) => free > 0);
  parts.sort((one, other) => rank(other) - rank(one));
  for (const part of parts) {
    if (pool.owed === 0) break;
    giveBack(pool, part, Math.min(part.free, pool.owed), outbox);
  }
  if (pool.owed === 0) pool.setContended(false);
}

const rank = ({ holder, free }: SlotPart) => (holder?.usable ? free : Number.MAX_SAFE_INTEGER);

/** Returns slots to the owner. */
function giveBack(pool: SlotPool, part: SlotPart, slots: number, outbox: SlotOutbox): void {
  part.held -= slots;
  part.publish();
  pool.owed = Math.max(0, pool.owed - slots);
  outbox.giveBack(pool.owner, pool.key, part.id, slots);
}

/** Decides whether the slot of a call that ended is returned, or left to a waiting call. */
export function releasedByBorrower(pool: SlotPool, holder: SlotHolder, nowMs: number, outbox: SlotOutbox): void {
  const part = pool.parts.get(holder.id);
  if (part === undefined) return;
  if (part.holder !== holder) returnGone(pool, part, outbox);
  else if (pool.owed > 0 && part.free > 0 && (pool.waiting === 0 || yieldsSlot(pool, pool.keep, nowMs)))
    giveBack(pool, part, 1, outbox);
  if (pool.owed === 0) pool.setContended(false);
}

/** Returns the slots of a holder that is gone, except those of calls that are still in flight. */
export function returnGone(pool: SlotPool, part: SlotPart, outbox: SlotOutbox): void {
  if (part.free > 0) giveBack(pool, part, part.free, outbox);
  part.forgetEnded();
}

/** Returns slots of holders that did not become known. */
export function returnStrangers(pool: SlotPool, nowMs: number, outbox: SlotOutbox): void {
  for (const part of pool.parts.values())
    if (part.holder === undefined && nowMs - part.strangerSinceMs > STRANGER_MS) returnGone(pool, part, outbox);
}

/** Tells the owner how many slots this gateway could use, if that changed; and which ones arrived, before the pool is forgotten. */
export function updateWant(pool: SlotPool, nowMs: number, outbox: SlotOutbox): void {
  const { wanted } = pool;
  if (wanted === pool.wantSent && (pool.parts.size > 0 || pool.unconfirmed === 0)) return;
  if (pool.wantSent === 0) pool.wantSinceMs = nowMs;
  pool.wantSent = wanted;
  outbox.want(pool.owner, pool.key, wanted, pool.unconfirmed);
  pool.unconfirmed = 0;
}

/** Formats what this gateway has of a pool, for its owner; `undefined` if it has and wants nothing. From then on, both count from there. */
export function beginBorrowing(pool: SlotPool, nowMs: number): HeldPool | undefined {
  pool.resetBorrowing();
  pool.wantSent = pool.wanted;
  pool.wantSinceMs = nowMs;
  const held = [...pool.parts.values()].filter((part) => part.held > 0).map((part) => [part.id, part.held] as const);
  return held.length > 0 || pool.wantSent > 0 ? [pool.key, pool.wantSent, held] : undefined;
}
