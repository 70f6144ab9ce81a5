import type { Member, ViewMessage } from "./messages.ts";
import { hash } from "./owner.ts";

/** Time for which a removed member is remembered: others may still name it. */
const REMEMBERED_MS = 600_000;

/**
 * The members of the group as one gateway sees them. Views of gateways that exchange them converge: members are added and removed, and never return under the
 * same id. A view's `id` is the same at two gateways only if they see the same members, and a gateway never has it twice: its number grows with each change.
 */
export class MembershipView {
  #number = 0;
  #id: string | undefined;
  readonly #members = new Map<string, Member>();
  /** Ids with the time of their removal, oldest first. */
  readonly #removed = new Map<string, number>();

  /** Identifies the view among all that gateways ever have. */
  get id(): string {
    this.#id ??= idOf(this.#number, [...this.#members.keys()].sort().join());
    return this.#id;
  }

  get members(): ReadonlyMap<string, Member> {
    return this.#members;
  }

  wasRemoved(id: string): boolean {
    return this.#removed.has(id);
  }

  /** Adds a member. Returns `false` if it is one already, or was removed. */
  add(member: Member): boolean {
    if (this.#members.has(member.id) || this.#removed.has(member.id)) return false;
    this.#members.set(member.id, member);
    this.#changed(this.#number + 1);
    return true;
  }

  /** Removes a member for good. Returns `false` if it is not a member. */
  remove(id: string, nowMs: number): boolean {
    if (this.#removed.has(id)) return false;
    this.#removed.set(id, nowMs);
    for (const [old, sinceMs] of this.#removed) {
      if (nowMs - sinceMs < REMEMBERED_MS) break;
      this.#removed.delete(old);
    }
    if (!this.#members.delete(id)) return false;
    this.#changed(this.#number + 1);
    return true;
  }

  /** Takes over what another gateway sees. Returns `true` if the view's id changed. */
  merge(other: Pick<ViewMessage, "number" | "members" | "removed">, nowMs: number): boolean {
    const before = this.#number;
    for (const id of other.removed) this.remove(id, nowMs);
    for (const member of other.members) this.add(member);
    const isSame =
      this.#members.size === other.members.length && other.members.every(({ id }) => this.#members.has(id));
    // With the same members, the higher number wins; a view that is neither's gets a number of its own.
    if (isSame && this.#number < other.number) this.#changed(other.number);
    else if (!isSame && this.#number <= other.number) this.#changed(other.number + 1);
    return this.#number !== before;
  }

  /** Formats it for other gateways. @param joined whether this one belongs to the group */
  message(joined: boolean): ViewMessage {
    return {
      type: "view",
      number: this.#number,
      members: [...this.#members.values()],
      removed: [...this.#removed.keys()],
      joined,
    };
  }

  #changed(number: number): void {
    this.#number = number;
    this.#id = undefined;
  }
}

const idOf = (number: number, members: string) =>
  `${number}-${hash(members, 1).toString(16)}${hash(members, 2).toString(16)}`;
