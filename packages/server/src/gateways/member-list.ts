import type { EndpointRegistry, GatewayHello, GatewayMember, GatewaysMessage, LinkClock } from "@faas/gateway";
import { Member } from "./member.ts";
import type { GatewaySession } from "./session.ts";

/** Time for which the last report of a lost gateway counts, unless it is known to be gone. */
const LOST_MS = 15 * 60_000;
/** Time after the start in which gateways that served calls before open their links again. */
const START_MS = 5_000;
/** Time after the start in which most of them have done so; until then, new gateways wait for the others. */
const RELINK_MS = 1_500;

export interface MemberListOptions {
  readonly registry: EndpointRegistry;
  readonly clock: LinkClock;
  /** Gateways outlive the control server, and open their links again after its start. */
  readonly outliveServer: boolean;
  /** Called with the list for gateways when it has changed. */
  readonly onChange: (list: GatewaysMessage) => void;
}

/** The gateways of a control server: linked ones, lost ones that may still serve calls, and expected ones. */
export class MemberList {
  readonly #options: MemberListOptions;
  readonly #members = new Map<string, Member>();
  readonly #startedMs: number;
  #published = "";

  constructor(options: MemberListOptions) {
    this.#options = options;
    this.#startedMs = options.clock.now();
    if (options.outliveServer) options.clock.after(RELINK_MS, () => this.#changed());
  }

  values(): IterableIterator<Member> {
    return this.#members.values();
  }

  /** Returns the gateway whose latest link it is. */
  ofSession(session: GatewaySession): Member | undefined {
    for (const member of this.#members.values()) if (member.session === session) return member;
    return undefined;
  }

  *openSessions(): Generator<GatewaySession> {
    for (const { session } of this.#members.values()) if (session?.isOpen) yield session;
  }

  /** True while there may be calls that no gateway reports. */
  get mayHaveUnseenCalls(): boolean {
    if (this.#options.clock.now() - this.#startedMs < START_MS) return true;
    for (const member of this.#members.values()) if (!member.isCounted) return true;
    return false;
  }

  /** The list of gateways that share the calls, for each of them. Lost ones are in it: they may still serve calls. */
  get message(): GatewaysMessage {
    const members = Array.from(this.#members.values(), ({ member }) => member).filter((each) => each !== undefined);
    members.sort((a: GatewayMember, b: GatewayMember) => (a.name < b.name ? -1 : 1));
    const { outliveServer, clock } = this.#options;
    const isPartial = outliveServer && clock.now() - this.#startedMs < RELINK_MS;
    return { type: "gateways", members, ...(isPartial ? { partial: true } : {}) };
  }

  /** Adds a gateway that has introduced itself on a new link, which replaces an earlier one of the same name. */
  join(session: GatewaySession, hello: GatewayHello): void {
    let member = this.#members.get(hello.name);
    const previous = member?.session;
    if (member === undefined) {
      member = new Member(hello.name, this.#options.registry);
      this.#members.set(hello.name, member);
    }
    member.join(session, hello);
    previous?.close();
    // A control server that was started again has not seen the others yet.
    if (this.#options.clock.now() - this.#startedMs < LOST_MS)
      for (const { name, address } of hello.members ?? []) this.#expect(name, address);
    this.#changed();
  }

  /** Expects a gateway that exists, and is not linked yet. */
  expect(name: string, address?: string): void {
    this.#expect(name, address);
    this.#changed();
  }

  /** Takes note of a gateway that is about to end. */
  drain(member: Member): void {
    member.isDraining = true;
    this.#changed();
  }

  /** Takes note of a lost link. */
  lost(member: Member): void {
    if (member.isDraining) {
      // It ends, and has said so.
      this.remove(member.name);
      return;
    }
    member.lost();
    this.#expire(member);
    this.#changed();
  }

  /** Forgets a gateway that no longer exists. */
  remove(name: string): void {
    this.#members.get(name)?.leave();
    this.#members.delete(name);
    this.#changed();
  }

  /** Removes all gateways, without a notification. */
  clear(): void {
    for (const member of this.#members.values()) member.leave();
    this.#members.clear();
  }

  #expect(name: string, address?: string): void {
    if (this.#members.has(name)) return;
    const member = new Member(name, this.#options.registry, address);
    this.#members.set(name, member);
    this.#expire(member);
  }

  /** Forgets a gateway after a time, if it is not linked until then. */
  #expire(member: Member): void {
    const { session } = member;
    member.expire(
      this.#options.clock.after(LOST_MS, () => {
        if (this.#members.get(member.name) === member && member.session === session) this.remove(member.name);
      }),
    );
  }

  #changed(): void {
    const { message } = this;
    const text = JSON.stringify(message);
    if (text === this.#published) return;
    this.#published = text;
    this.#options.onChange(message);
  }
}
