import type { GatewaySharing } from "../endpoints/slot-sharing.ts";
import type { LinkConnection, LinkHandlers } from "../protocol/link.ts";
import type { GatewayMember } from "../protocol/messages.ts";
import { Contacts } from "./contacts.ts";
import { MembershipView } from "./membership-view.ts";
import type { Member, PeerMessage } from "./messages.ts";
import { PeerConnection, type PeerConnectionEvents } from "./peer-connection.ts";
import { PeerConnections } from "./peer-connections.ts";
import { PeerDialer } from "./peer-dialer.ts";
import type { PeerGroupOptions, PeerState } from "./peer-group-options.ts";
import { PeerRates } from "./rate-sharing.ts";
import { SlotLedger } from "./slots/slot-ledger.ts";

const TICK_MS = 250;
const PING_MS = 500;
/** Silence after which a connection is given up and opened again. */
const CONNECTION_TIMEOUT_MS = 1_500;
/** Silence after which a member counts as gone. */
const MEMBER_TIMEOUT_MS = 3_000;
/** A pause of this process after which the others may take it for gone. */
const PAUSE_MS = 2_000;
const LEDGER_TICK_MS = 1_000;

/**
 * The gateways that share calls. Finds out who is there, and keeps connections to the others, over which slots and rates are shared
 * (docs/decisions/0034-limits-over-gateways.md). No I/O of its own: connections, time and chance are options.
 */
export class PeerGroup implements PeerConnectionEvents {
  readonly sharing: GatewaySharing;
  readonly #options: PeerGroupOptions;
  readonly #ledger: SlotLedger;
  readonly #rates: PeerRates;
  readonly #dialer: PeerDialer;
  #self: Member;
  #view = new MembershipView();
  readonly #connections = new PeerConnections();
  /** Time when each other member last gave a sign of life. */
  readonly #heardMs = new Map<string, number>();
  readonly #contacts = new Contacts();
  #others: readonly string[] = [];
  #appliedView = "";
  #lastTickMs: number;
  #lastPingMs = Number.NEGATIVE_INFINITY;
  #lastLedgerTickMs: number;
  #cancelTick: () => void;
  #isStopped = false;
  /** The control server has sent a list: this gateway knows what it serves. */
  #isListed = false;
  #hasJoined = false;

  constructor(options: PeerGroupOptions) {
    this.#options = options;
    const { clock, transport, random } = options;
    const send = (member: string, message: PeerMessage) => this.#connections.send(member, message);
    this.#self = this.#newSelf();
    this.#ledger = new SlotLedger(this.#self.id, { send, now: () => clock.now(), defer: options.defer });
    this.#rates = new PeerRates({
      send,
      others: () => this.#others,
      orgOf: options.orgOf,
      now: () => clock.now(),
      after: (ms, run) => clock.after(ms, run),
    });
    this.sharing = { slots: this.#ledger, rates: this.#rates };
    this.#dialer = new PeerDialer({
      transport,
      random,
      after: (ms, run) => clock.after(ms, run),
      onOpen: (connection) => this.#open(connection, true),
    });
    this.#lastTickMs = clock.now();
    this.#lastLedgerTickMs = clock.now();
    this.#cancelTick = clock.after(TICK_MS, () => this.#tick());
    this.#view.add(this.#self);
    this.#viewChanged();
  }

  /** True while this gateway may use slots. Before it has met the others, calls wait. */
  get joined(): boolean {
    return this.#ledger.active;
  }

  /** Lists the other members, by name. */
  get peers(): readonly PeerState[] {
    const now = this.#options.clock.now();
    return this.#others
      .map((id) => ({
        name: this.#view.members.get(id)?.name ?? id,
        connected: this.#connections.has(id),
        silentMs: now - (this.#heardMs.get(id) ?? now),
      }))
      .sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  /**
   * Takes over the gateways that the control server lists.
   * @param isPartial there may be others, because the control server started a moment ago
   */
  setContacts(members: readonly GatewayMember[], isPartial = false): void {
    if (this.#isStopped) return;
    this.#isListed = true;
    const others = members.filter(({ name }) => name !== this.#self.name);
    this.#contacts.set(others, isPartial, (name) => this.#connections.hasName(name), this.#options.clock.now());
    // A gateway that still responds is a member until its connection ends.
    const gone = [...this.#view.members.values()].filter(
      ({ id, name }) => this.#contacts.wasDropped(name) && this.#isAbsent(id),
    );
    if (!isPartial) this.#remove(gone.map(({ id }) => id));
    this.#dial();
    this.#tryJoin();
  }

  /** Takes a connection that another gateway opened. Before the first list of the control server it is closed: the other one tries again. */
  accept(connection: LinkConnection): LinkHandlers {
    if (this.#isListed) return this.#open(connection, false);
    connection.close();
    return { onText() {}, onClose() {} };
  }

  /** Leaves the group: the others take over its slots. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#cancelTick();
    this.#dialer.setTargets(new Map());
    this.#connections.broadcast({ type: "bye" });
    for (const id of this.#connections.members()) this.#connections.drop(id);
    this.#connections.closeNew();
  }

  opened(connection: PeerConnection, member: Member): void {
    this.#connections.forgetNew(connection);
    if (member.name === this.#self.name || this.#view.wasRemoved(member.id)) {
      // The view shows the other gateway that it was removed; it then joins as another member.
      connection.send(this.#view.message(this.#ledger.mayActivate));
      connection.close();
      return;
    }
    const present = this.#connections.get(member.id);
    if (present && this.#isPreferred(present, member)) {
      connection.close();
      return;
    }
    if (present) this.#drop(member.id);
    this.#connections.introduced(connection, member.id);
    this.#heardMs.set(member.id, connection.heardMs);
    this.#contacts.met(member.name);
    const predecessors = [...this.#view.members.values()].filter(
      ({ id, name }) => name === member.name && id !== member.id,
    );
    const now = this.#options.clock.now();
    for (const { id } of predecessors) this.#forget(id, now);
    this.#rates.connected(member.id);
    connection.send(this.#rates.tokens());
    if (this.#view.add(member) || predecessors.length > 0) this.#viewChanged();
    else {
      connection.send(this.#view.message(this.#ledger.mayActivate));
      this.#ledger.connected(member.id);
    }
    this.#dial();
    this.#tryJoin();
  }

  message(connection: PeerConnection, member: Member, message: PeerMessage): void {
    this.#heardMs.set(member.id, connection.heardMs);
    switch (message.type) {
      case "view":
        if (this.#view.merge(message, this.#options.clock.now())) this.#viewChanged();
        else if (this.#view.wasRemoved(this.#self.id)) this.#restart();
        if (message.joined && this.#view.members.has(member.id)) this.#join();
        break;
      case "sync":
        this.#ledger.receiveSync(member.id, message);
        break;
      case "slots":
        this.#ledger.receiveSlots(member.id, message);
        break;
      case "holders":
        this.#ledger.receiveHolders(member.id, message);
        break;
      case "admitted":
        this.#rates.receive(message);
        break;
      case "tokens":
        if (!this.#ledger.active) this.#rates.adoptTokens(message);
        break;
      case "bye":
        this.#remove([member.id]);
    }
    this.#noteJoined();
  }

  closed(connection: PeerConnection, reason: string | undefined): void {
    this.#connections.forgetNew(connection);
    const { member } = connection;
    if (member === undefined) {
      if (reason !== undefined) this.#options.log.warn({ reason }, "a gateway cannot be connected");
      return;
    }
    if (this.#connections.get(member.id) !== connection) return;
    this.#drop(member.id);
    // The control server knows already that it is gone.
    if (this.#contacts.wasDropped(member.name)) this.#remove([member.id]);
    this.#dial();
  }

  #newSelf(): Member {
    const { name, address, random } = this.#options;
    const unique = Math.floor(random() * 2 ** 48).toString(36);
    return { id: `${name}#${unique}`, name, address };
  }

  #open(connection: LinkConnection, isOutgoing: boolean): LinkHandlers {
    const { token, clock } = this.#options;
    const peer = new PeerConnection(connection, isOutgoing, this.#self, {
      token,
      now: () => clock.now(),
      events: this,
    });
    if (this.#isStopped) peer.close();
    else this.#connections.addNew(peer);
    return peer;
  }

  /** Decides between two connections to one gateway: both ends keep the one that the gateway with the lower name opened. */
  #isPreferred({ isOutgoing, heardMs }: PeerConnection, { name }: Member): boolean {
    const isAlive = this.#options.clock.now() - heardMs < 2 * PING_MS;
    return isAlive && isOutgoing === this.#self.name < name;
  }

  #isAbsent(id: string): boolean {
    return id !== this.#self.id && !this.#connections.has(id);
  }

  #drop(id: string): void {
    this.#connections.drop(id);
    this.#ledger.disconnected(id);
    this.#rates.disconnected(id);
  }

  /** Connects to the gateways that are known and not connected. */
  #dial(): void {
    if (this.#isStopped) return;
    const targets = new Map<string, string>();
    const add = (name: string, address: string) => {
      if (name !== this.#self.name && address !== "" && !this.#connections.hasName(name)) targets.set(name, address);
    };
    for (const { name, address } of this.#view.members.values()) add(name, address);
    for (const [name, address] of this.#contacts.addresses()) add(name, address);
    this.#dialer.setTargets(targets);
  }

  #remove(ids: readonly string[]): void {
    if (ids.length === 0) return;
    const now = this.#options.clock.now();
    for (const id of ids) this.#forget(id, now);
    this.#viewChanged();
  }

  #forget(id: string, nowMs: number): void {
    if (this.#connections.has(id)) this.#drop(id);
    this.#heardMs.delete(id);
    this.#view.remove(id, nowMs);
  }

  /** Passes the view on, and continues with it. */
  #viewChanged(): void {
    if (this.#view.wasRemoved(this.#self.id)) {
      this.#restart();
      return;
    }
    const now = this.#options.clock.now();
    for (const id of this.#connections.members()) if (!this.#view.members.has(id)) this.#forget(id, now);
    const members = [...this.#view.members.keys()];
    this.#others = members.filter((id) => id !== this.#self.id);
    for (const id of this.#others) if (!this.#heardMs.has(id)) this.#heardMs.set(id, now);
    for (const id of this.#heardMs.keys()) if (!this.#view.members.has(id)) this.#heardMs.delete(id);
    this.#rates.retain(this.#others);
    if (this.#view.id !== this.#appliedView) {
      this.#appliedView = this.#view.id;
      this.#connections.broadcast(this.#view.message(this.#ledger.mayActivate));
      this.#ledger.setView(this.#view.id, members);
    }
    this.#dial();
    this.#noteJoined();
  }

  /** Joins the group again, as another member: the others have given up this one. */
  #restart(): void {
    const now = this.#options.clock.now();
    this.#options.log.warn({ gateway: this.#self.name }, "the other gateways took this one for gone; it joins again");
    for (const id of this.#connections.members()) this.#drop(id);
    this.#connections.closeNew();
    this.#view.remove(this.#self.id, now);
    this.#self = this.#newSelf();
    this.#ledger.restart(this.#self.id);
    this.#contacts.restart(now);
    for (const id of this.#heardMs.keys()) this.#heardMs.set(id, now);
    this.#view.add(this.#self);
    this.#viewChanged();
  }

  /** Joins the group once every gateway that the control server lists was met, or does not respond. One that belongs to the group is enough, too. */
  #tryJoin(): void {
    const contacts = this.#contacts;
    if (!contacts.areKnown || contacts.areAwaited(this.#options.clock.now(), MEMBER_TIMEOUT_MS)) return;
    this.#join();
  }

  #join(): void {
    if (this.#ledger.mayActivate) return;
    this.#ledger.activate();
    // For gateways that are joining, a connection to this one is now enough.
    this.#connections.broadcast(this.#view.message(true));
    this.#noteJoined();
  }

  #noteJoined(): void {
    if (this.#hasJoined || !this.#ledger.active) return;
    this.#hasJoined = true;
    this.#options.onJoined?.();
  }

  #tick(): void {
    const { clock, log } = this.#options;
    const now = clock.now();
    const wasPaused = now - this.#lastTickMs > PAUSE_MS;
    this.#lastTickMs = now;
    this.#cancelTick = clock.after(TICK_MS, () => this.#tick());
    if (wasPaused && this.#others.length > 0) {
      this.#restart();
      return;
    }
    if (now - this.#lastPingMs >= PING_MS) {
      this.#lastPingMs = now;
      this.#connections.broadcast({ type: "ping" });
    }
    for (const connection of this.#connections.silentSince(now - CONNECTION_TIMEOUT_MS)) {
      connection.close();
      this.closed(connection, "it is silent");
    }
    const silent = this.#others.filter((id) => now - (this.#heardMs.get(id) ?? now) > MEMBER_TIMEOUT_MS);
    if (silent.length > 0) log.warn({ gateways: silent }, "gateways do not respond; the others take over their slots");
    this.#remove(silent);
    this.#tryJoin();
    if (now - this.#lastLedgerTickMs < LEDGER_TICK_MS) return;
    this.#lastLedgerTickMs = now;
    this.#ledger.tick();
  }
}
