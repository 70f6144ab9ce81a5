import type { SlotHolder, SlotSharing, SlotUser } from "../../endpoints/slot-sharing.ts";
import type { HeldPool, HoldersMessage, PeerMessage, SlotsMessage, SyncMessage } from "../messages.ts";
import { ownerOf } from "../owner.ts";
import {
  beginBorrowing,
  receiveGrant,
  receiveRecall,
  releasedByBorrower,
  returnGone,
  returnStrangers,
  returnUnused,
  updateWant,
} from "./slot-borrower.ts";
import { SlotOutbox } from "./slot-outbox.ts";
import { declareHolders, type OwnerContext, refreshOwned, releasedByOwner, serve } from "./slot-owner.ts";
import { SlotPool } from "./slot-pool.ts";

/** Time for which calls wait without success before the owner is informed which holders could serve them. */
const DECLARE_MS = 500;
/** Holders of a pool that are named at a time. */
const MAX_DECLARED = 50;

export interface SlotLedgerOptions {
  /** Sends a message to a connected member; to another one it is lost. */
  readonly send: (member: string, message: PeerMessage) => void;
  /** Returns milliseconds on a monotonic clock. */
  readonly now: () => number;
  /** Runs a function soon, after what is going on now. */
  readonly defer: (run: () => void) => void;
}

/**
 * Shares slots with the other members of a group (docs/decisions/0034-limits-over-gateways.md). Each endpoint and each organization has an owner among the
 * gateways, which knows how many slots the others have and hands them out. In a new view of the group, owners hand out nothing until each member has said what
 * it has. No I/O.
 */
export class SlotLedger implements SlotSharing {
  readonly #options: SlotLedgerOptions;
  readonly #pools = new Map<string, SlotPool>();
  /** Pools that changed since the last flush. */
  readonly #changed = new Set<SlotPool>();
  readonly #outbox = new SlotOutbox();
  #self: string;
  #view = "";
  #members: readonly string[] = [];
  /** Members that said in this view what they have. */
  readonly #synced = new Set<string>();
  /** Synchronized members whose connection has not been lost since. */
  readonly #reachable = new Set<string>();
  #active = false;
  #mayActivate = false;
  #isFlushPlanned = false;

  constructor(self: string, options: SlotLedgerOptions) {
    this.#self = self;
    this.#options = options;
  }

  /** True when this gateway hands out slots of the pools that it owns. */
  get active(): boolean {
    return this.#active;
  }

  /** True if this gateway belongs to the group. */
  get mayActivate(): boolean {
    return this.#mayActivate;
  }

  /** Starts to use slots: the group is known. Until then this gateway has none. */
  activate(): void {
    this.#mayActivate = true;
    this.#tryActivate();
    this.#flush();
  }

  /** Takes over a new view. Members that can be reached get a list of what this gateway has of their pools. */
  setView(view: string, members: readonly string[]): void {
    // What was agreed in the old view arrives in the old view.
    this.#flush();
    const size = members.length;
    for (const pool of this.#pools.values()) {
      const owner = ownerOf(pool.key, members);
      if (pool.owner === this.#self && owner !== this.#self) pool.keepShare(size);
      pool.owner = owner;
      pool.resetRoles();
      this.#changed.add(pool);
    }
    this.#view = view;
    this.#members = members;
    this.#active = false;
    this.#synced.clear();
    this.#reachable.clear();
    for (const member of members) if (member !== this.#self) this.#sync(member);
    this.#tryActivate();
    this.#flush();
  }

  /** Starts again as another member, which has the slots of calls in flight and no others, and is not a member of a group yet. */
  restart(self: string): void {
    for (const pool of this.#pools.values()) pool.abandon();
    this.#self = self;
    this.#active = false;
    this.#mayActivate = false;
    this.#members = [];
    this.#view = "";
  }

  /** A member can be reached, for the first time or again. */
  connected(member: string): void {
    if (!this.#members.includes(member)) return;
    this.#flush();
    this.#sync(member);
  }

  /** The connection to a member was lost, with what was on its way. */
  disconnected(member: string): void {
    this.#reachable.delete(member);
    for (const pool of this.#pools.values()) {
      const borrower = pool.borrowers.get(member);
      if (borrower) borrower.wants = 0;
    }
  }

  receiveSync(from: string, message: SyncMessage): void {
    // A sender with another view sends it too, and synchronizes again.
    if (message.view !== this.#view) return;
    this.#flush();
    const now = this.#options.now();
    for (const pool of this.#pools.values()) {
      if (pool.owner === from) pool.unansweredSinceMs = now;
      if (pool.owner !== this.#self) continue;
      pool.borrowers.delete(from);
      for (const part of pool.parts.values()) part.granted.delete(from);
      this.#changed.add(pool);
    }
    for (const held of message.pools) this.#takeHeld(from, held);
    this.#synced.add(from);
    this.#reachable.add(from);
    this.#tryActivate();
    this.#flush();
  }

  receiveSlots(from: string, message: SlotsMessage): void {
    if (message.view !== this.#view) return;
    const now = this.#options.now();
    for (const [key, holder, slots] of message.grants ?? []) {
      const pool = this.#pool(key);
      if (pool.owner === from) receiveGrant(pool, holder, slots, now);
    }
    for (const [key, holder, slots] of message.returns ?? []) {
      const pool = this.#pool(key);
      if (pool.owner !== this.#self) continue;
      const borrower = pool.borrower(from);
      borrower.recall.slots = Math.max(0, borrower.recall.slots - slots);
      pool.parts.get(holder)?.grant(from, -slots);
      pool.turnSinceMs = now;
    }
    for (const [key, slots, received] of message.wants ?? []) {
      const pool = this.#pool(key);
      if (pool.owner !== this.#self) continue;
      const borrower = pool.borrower(from);
      borrower.unconfirmed = Math.max(0, borrower.unconfirmed - received);
      borrower.wants = Math.max(0, slots - borrower.unconfirmed);
    }
    for (const [key, slots, keep] of message.recalls ?? []) {
      const pool = this.#pool(key);
      if (pool.owner === from) receiveRecall(pool, slots, keep);
    }
    this.#flush();
  }

  receiveHolders(from: string, message: HoldersMessage): void {
    if (message.view !== this.#view || !this.#reachable.has(from)) return;
    for (const [key, capacity, holders] of message.pools) {
      const pool = this.#pool(key);
      if (pool.owner === this.#self) declareHolders(pool, capacity, holders, this.#options.now());
    }
    this.#flush();
  }

  /** To be called about once per second. */
  tick(): void {
    const now = this.#options.now();
    const declarations = new Map<string, HoldersMessage["pools"][number][]>();
    for (const pool of this.#pools.values()) {
      if (pool.owner === this.#self) continue;
      returnStrangers(pool, now, this.#outbox);
      if (pool.waiting === 0 || pool.wantSent === 0 || now - pool.wantSinceMs < DECLARE_MS) continue;
      const holders = [...pool.parts.values()].filter(({ holder }) => holder?.usable).map(({ id }) => id);
      const list = declarations.get(pool.owner) ?? [];
      declarations.set(pool.owner, list);
      if (holders.length > 0) list.push([pool.key, pool.capacity, holders.slice(0, MAX_DECLARED)]);
    }
    for (const [owner, pools] of declarations)
      if (pools.length > 0) this.#options.send(owner, { type: "holders", view: this.#view, pools });
    this.#flush();
  }

  isUndecided({ key }: Pick<SlotUser, "key">): boolean {
    if (!this.#active) return true;
    const pool = this.#pools.get(key);
    if (pool === undefined || pool.owner === this.#self) return false;
    return !this.#reachable.has(pool.owner) || pool.isUnanswered(this.#options.now());
  }

  added(user: SlotUser, holder: SlotHolder): void {
    const pool = this.#pool(user.key);
    pool.user = user;
    const now = this.#options.now();
    const part = pool.part(holder.id, now);
    if (part.holder) this.#retire(pool, part.holder);
    part.holder = holder;
    part.fresh = true;
    if (this.#active && pool.owner === this.#self) refreshOwned(pool, now);
    part.publish();
    this.#planFlush(pool);
  }

  removed(user: SlotUser, holder: SlotHolder): void {
    const pool = this.#pools.get(user.key);
    if (pool?.parts.get(holder.id)?.holder !== holder) return;
    this.#retire(pool, holder);
    this.#planFlush(pool);
  }

  released(user: SlotUser, holder: SlotHolder): void {
    const pool = this.#pools.get(user.key);
    if (pool === undefined) return;
    if (pool.owner !== this.#self) releasedByBorrower(pool, holder, this.#options.now(), this.#outbox);
    else if (this.#active) releasedByOwner(pool, holder, this.#context());
    this.#planFlush(pool);
  }

  changed(user: SlotUser): void {
    let pool = this.#pools.get(user.key);
    if (pool === undefined) {
      if (user.waiting === 0) return;
      pool = this.#pool(user.key);
    }
    pool.user ??= user;
    if (pool.user === user) this.#planFlush(pool);
  }

  #retire(pool: SlotPool, holder: SlotHolder): void {
    const part = pool.part(holder.id, this.#options.now());
    part.holder = undefined;
    part.strangerSinceMs = this.#options.now();
    part.declaredUntilMs = Number.NEGATIVE_INFINITY;
    if (holder.inFlight > 0) {
      holder.contended = true;
      part.retired.push(holder);
    }
    if (pool.owner !== this.#self) returnGone(pool, part, this.#outbox);
  }

  /** Tells an owner what this gateway has of its pools. */
  #sync(member: string): void {
    const now = this.#options.now();
    const pools: HeldPool[] = [];
    for (const pool of this.#pools.values()) {
      const held = pool.owner === member ? beginBorrowing(pool, now) : undefined;
      if (held) pools.push(held);
    }
    this.#options.send(member, { type: "sync", view: this.#view, pools });
  }

  #takeHeld(from: string, [key, waiting, held]: HeldPool): void {
    const pool = this.#pool(key);
    if (pool.owner !== this.#self) return;
    pool.borrower(from).wants = waiting;
    for (const [holder, slots] of held) pool.part(holder, this.#options.now()).grant(from, slots);
  }

  #tryActivate(): void {
    if (this.#active || !this.#mayActivate || !this.#members.includes(this.#self)) return;
    if (this.#members.some((member) => member !== this.#self && !this.#synced.has(member))) return;
    this.#active = true;
    for (const pool of this.#pools.values()) {
      pool.unansweredSinceMs = this.#options.now();
      this.#changed.add(pool);
    }
  }

  #pool(key: string): SlotPool {
    let pool = this.#pools.get(key);
    if (pool === undefined) {
      pool = new SlotPool(key, this.#options.now());
      pool.owner = this.#members.length > 0 ? ownerOf(key, this.#members) : "";
      this.#pools.set(key, pool);
    }
    this.#changed.add(pool);
    return pool;
  }

  #planFlush(pool: SlotPool): void {
    if (pool.assigning) return;
    this.#changed.add(pool);
    if (this.#isFlushPlanned) return;
    this.#isFlushPlanned = true;
    this.#options.defer(() => {
      this.#isFlushPlanned = false;
      this.#flush();
    });
  }

  /** Brings pools that changed up to date, and sends what others have to know. */
  #flush(): void {
    for (const pool of this.#changed) {
      this.#changed.delete(pool);
      this.#update(pool);
    }
    this.#outbox.flush(this.#view, this.#options.send);
  }

  #update(pool: SlotPool): void {
    const now = this.#options.now();
    const isOwner = pool.owner === this.#self;
    if (!isOwner) {
      for (const part of pool.parts.values()) part.publish();
      pool.setContended(pool.owed > 0);
    } else if (this.#active) {
      refreshOwned(pool, now);
      serve(pool, this.#context());
    }
    const { waiting } = pool;
    // Calls may end within this call, and others may begin to wait.
    pool.assigning = true;
    pool.user?.assignSlots();
    pool.assigning = false;
    if (isOwner && this.#active && pool.waiting > waiting) serve(pool, this.#context());
    if (!isOwner && pool.owner !== "") returnUnused(pool, this.#outbox);
    pool.forgetEmptyParts();
    if (!isOwner && pool.owner !== "") updateWant(pool, now, this.#outbox);
    if (pool.isEmpty) this.#pools.delete(pool.key);
  }

  #context(): OwnerContext {
    return {
      self: this.#self,
      size: this.#members.length,
      reachable: this.#reachable,
      outbox: this.#outbox,
      nowMs: this.#options.now(),
    };
  }
}
