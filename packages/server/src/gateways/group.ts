import type { EndpointRef, EndpointSpec, FaasError, Logger } from "@faas/core";
import { endpointKey } from "@faas/core";
import {
  type ControlHello,
  type ControlMessage,
  type EndpointRegistry,
  encodeMessage,
  type GatewayHello,
  type GatewayMember,
  type GatewayMessage,
  type LinkClock,
  type LinkConnection,
  type LinkHandlers,
  PING_MS,
  type ServedEndpoint,
  type StatusSubscriber,
} from "@faas/gateway";
import { Member } from "./member.ts";
import type { Publisher } from "./publisher.ts";
import { GatewaySession } from "./session.ts";
import type { GatewayInfo, GatewaySessions } from "./session-info.ts";

/** Time for which the last report of a lost gateway counts, unless it is known to be gone. */
const LOST_MS = 15 * 60_000;
/** Time after the start in which gateways that served calls before open their links again. */
const START_MS = 5_000;
/** Time after the start in which most of them have done so; until then, new gateways wait for the others. */
const RELINK_MS = 1_500;
/** Longest time that `settled` waits for. */
const SETTLE_MS = 1_000;

/** Receives what gateways report, besides loads. */
export interface ReportSink {
  onReport(message: GatewayMessage): void;
}

export interface GatewayGroupOptions {
  readonly registry: EndpointRegistry<EndpointSpec>;
  readonly hello: ControlHello;
  readonly clock: LinkClock;
  readonly log: Logger;
  /** Returns the reason why no replica can be started yet. */
  readonly notReady: () => FaasError | undefined;
  /** Gateways outlive the control server, and open their links again after its start. */
  readonly outliveServer: boolean;
  readonly reports: ReportSink;
  /** Creates the publisher. @param broadcast sends lines to all gateways */
  readonly publisher: (broadcast: (lines: string) => void) => Publisher;
}

/** The gateways in other processes that serve this control server's endpoints. */
export class GatewayGroup implements GatewaySessions, StatusSubscriber, Disposable {
  readonly publisher: Publisher;
  readonly #options: GatewayGroupOptions;
  readonly #members = new Map<string, Member>();
  /** Open links, also of gateways that have not introduced themselves. */
  readonly #sessions = new Set<GatewaySession>();
  readonly #startedMs: number;
  /** Called when a gateway has confirmed a version, or is lost. */
  readonly #progress = new Set<() => void>();
  #published = "[]";
  #notReady = "{}";
  /** True once it is known which replicas run: before that, a snapshot would say that there are none. */
  #isObserved = false;
  /** Endpoints that gateways asked to wake before that. */
  readonly #earlyWakes = new Set<string>();
  #cancelPoll: (() => void) | undefined;

  constructor(options: GatewayGroupOptions) {
    this.#options = options;
    this.#startedMs = options.clock.now();
    if (options.outliveServer) options.clock.after(RELINK_MS, () => this.#publishMembers());
    this.publisher = options.publisher((lines) => this.#broadcast(lines, this.publisher.version));
  }

  /** Takes a new link. The result handles what arrives on it. */
  accept(connection: LinkConnection): LinkHandlers {
    const { clock, hello } = this.#options;
    const session = new GatewaySession({
      ...{ connection, clock, hello },
      onHello: (self, gateway) => this.#join(self, gateway),
      onMessage: (self, message) => this.#received(self, message),
      onAck: () => this.#notifyProgress(),
      onLost: (self, reason) => this.#lost(self, reason),
    });
    this.#sessions.add(session);
    return session.handlers;
  }

  list(): readonly GatewayInfo[] {
    const all = Array.from(this.#members.values(), (member) => member.info);
    return all.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  expect(name: string): void {
    if (!this.#members.has(name)) this.#addLost(name, undefined);
  }

  gone(name: string): void {
    const member = this.#members.get(name);
    if (member === undefined || member.session?.isOpen) return;
    member.leave();
    this.#members.delete(name);
    this.#publishMembers();
  }

  get mayHaveUnseenCalls(): boolean {
    if (this.#options.clock.now() - this.#startedMs < START_MS) return true;
    for (const member of this.#members.values()) if (!member.isCounted) return true;
    return false;
  }

  async settled(): Promise<void> {
    if (this.#linked().next().done) return;
    const version = this.publisher.flush();
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => {
      for (const { ackedVersion } of this.#linked()) if (ackedVersion < version) return;
      resolve();
    };
    this.#progress.add(look);
    const cancel = this.#options.clock.after(SETTLE_MS, resolve);
    look();
    await promise;
    cancel();
    this.#progress.delete(look);
  }

  /**
   * Resolves when no gateway sends calls to a replica any more that the platform is about to stop, after at most a second. The platform has to report it as
   * not ready, or not at all, before that.
   */
  async replicaStopping(ref: EndpointRef, replica: string): Promise<void> {
    if (this.#linked().next().done) return;
    const { registry } = this.#options;
    const isReady = () => registry.get(endpointKey(ref))?.replicas.some(({ id }) => id === replica) === true;
    const limit = AbortSignal.timeout(SETTLE_MS);
    while (isReady() && !limit.aborted) await registry.changed(ref, limit).catch(() => {});
    await this.settled();
  }

  /** Sends the first snapshots. */
  onFirstList(): void {
    this.#isObserved = true;
    for (const { session } of this.#members.values()) if (session?.isOpen) this.#sendSnapshot(session);
    for (const key of this.#earlyWakes) this.#wakeEndpoint(key);
    this.#earlyWakes.clear();
  }

  onStatuses(): void {
    // The registry reports each change.
  }

  /** Takes note of a changed spec, status, or removal of an endpoint: listeners of the registry. */
  specChanged(endpoint: ServedEndpoint): void {
    if (this.#hasReaders) this.publisher.specChanged(endpoint.key);
  }

  statusChanged(endpoint: ServedEndpoint): void {
    if (this.#hasReaders) this.publisher.statusChanged(endpoint.key);
  }

  endpointRemoved(endpoint: ServedEndpoint): void {
    for (const { load } of this.#members.values()) load.forget(endpoint);
    if (this.#hasReaders) this.publisher.endpointRemoved(endpoint.key);
  }

  orgChanged(name: string): void {
    if (this.#hasReaders) this.publisher.orgChanged(name);
  }

  keyChanged(id: string): void {
    if (this.#hasReaders) this.publisher.keyChanged(id);
  }

  /** Tells the gateways that no replica of an endpoint can be started. */
  wakeFailed({ key }: ServedEndpoint, { code, message: detail, extensions }: FaasError): void {
    this.#broadcast(encodeMessage<ControlMessage>({ type: "wake-failed", key, code, detail, extensions }));
  }

  /** Closes all links. */
  [Symbol.dispose](): void {
    this.#cancelPoll?.();
    this.publisher.discard();
    for (const session of this.#sessions) session.close();
    this.#sessions.clear();
    for (const member of this.#members.values()) member.leave();
    this.#members.clear();
  }

  /** True if there are gateways that changes have to be published to. */
  get #hasReaders(): boolean {
    return this.#sessions.size > 0;
  }

  *#linked(): Generator<GatewaySession> {
    for (const { session } of this.#members.values()) if (session?.isOpen) yield session;
  }

  #join(session: GatewaySession, hello: GatewayHello): void {
    const { registry, clock, log } = this.#options;
    const { name } = hello;
    let member = this.#members.get(name);
    const previous = member?.session;
    if (member === undefined) {
      member = new Member(name, registry);
      this.#members.set(name, member);
    }
    member.join(session, hello);
    if (previous?.isOpen) {
      this.#sessions.delete(previous);
      previous.close();
    }
    log.info({ gateway: name, version: hello.version, pid: hello.pid }, "a gateway is linked");
    this.#adopt(hello.members ?? []);
    this.#publishMembers();
    session.send(this.#membersLine() + encodeMessage<ControlMessage>(notReadyMessage(this.#options.notReady())));
    if (this.#isObserved) this.#sendSnapshot(session);
    this.#cancelPoll ??= clock.after(PING_MS, () => this.#poll());
  }

  #sendSnapshot(session: GatewaySession): void {
    session.sendSnapshot(this.publisher.snapshot(), () => this.publisher.version);
  }

  /** Expects the gateways that a linked one knows: a control server that was started again has not seen them yet. */
  #adopt(members: readonly GatewayMember[]): void {
    if (this.#options.clock.now() - this.#startedMs > LOST_MS) return;
    for (const { name, address } of members) if (!this.#members.has(name)) this.#addLost(name, address);
  }

  #addLost(name: string, address: string | undefined): void {
    const member = new Member(name, this.#options.registry, address);
    this.#members.set(name, member);
    this.#expire(member);
  }

  #received(session: GatewaySession, message: GatewayMessage): void {
    const member = this.#memberOf(session);
    if (member === undefined) return;
    switch (message.type) {
      case "load":
        member.report(message.endpoints);
        return;
      case "wake":
        this.#wake(session, message.key);
        return;
      case "stopping":
        member.isDraining = true;
        this.#publishMembers();
        return;
      default:
        this.#options.reports.onReport(message);
    }
  }

  #wake(session: GatewaySession, key: string): void {
    const { registry, notReady } = this.#options;
    const endpoint = registry.get(key);
    // A gateway that knows a removed endpoint is about to learn that.
    if (endpoint === undefined) return;
    endpoint.lastRequestMs = Date.now();
    const reason = notReady();
    if (reason) {
      const { code, message: detail, extensions } = reason;
      session.send(encodeMessage<ControlMessage>({ type: "wake-failed", key, code, detail, extensions }));
      return;
    }
    if (this.#isObserved) this.#wakeEndpoint(key);
    else this.#earlyWakes.add(key);
  }

  #wakeEndpoint(key: string): void {
    const { registry } = this.#options;
    const endpoint = registry.get(key);
    if (endpoint === undefined) return;
    registry.wake(endpoint);
    // The answer, also if nothing changed.
    this.publisher.statusChanged(key);
  }

  #lost(session: GatewaySession, reason: string): void {
    this.#sessions.delete(session);
    const member = this.#memberOf(session);
    if (member === undefined) return;
    this.#options.log.warn({ gateway: member.name }, `the link to a gateway was lost: ${reason}`);
    this.#notifyProgress();
    // It ends, and has said so.
    if (member.isDraining) {
      this.gone(member.name);
      return;
    }
    member.lost();
    this.#expire(member);
    this.#publishMembers();
  }

  /** Forgets a lost gateway after a time, if it is not back until then. */
  #expire(member: Member): void {
    const { session } = member;
    member.expire(
      this.#options.clock.after(LOST_MS, () => {
        if (this.#members.get(member.name) === member && member.session === session) this.gone(member.name);
      }),
    );
  }

  #memberOf(session: GatewaySession): Member | undefined {
    for (const member of this.#members.values()) if (member.session === session) return member;
    return undefined;
  }

  #publishMembers(): void {
    const line = this.#membersLine();
    if (line === this.#published) return;
    this.#published = line;
    this.#broadcast(line);
  }

  /** Formats the list of gateways that share the calls. Lost ones are among them: they may still serve calls. */
  #membersLine(): string {
    const members = Array.from(this.#members.values(), ({ member }) => member).filter((each) => each !== undefined);
    members.sort((a, b) => (a.name < b.name ? -1 : 1));
    const isPartial = this.#options.outliveServer && this.#options.clock.now() - this.#startedMs < RELINK_MS;
    return encodeMessage<ControlMessage>({ type: "gateways", members, ...(isPartial ? { partial: true } : {}) });
  }

  /** Notices that the platform is reachable, or no longer is: nothing reports that. */
  #poll(): void {
    this.#cancelPoll = this.#hasReaders ? this.#options.clock.after(PING_MS, () => this.#poll()) : undefined;
    const line = encodeMessage<ControlMessage>(notReadyMessage(this.#options.notReady()));
    if (line === this.#notReady) return;
    this.#notReady = line;
    this.#broadcast(line);
  }

  #broadcast(lines: string, version?: number): void {
    for (const session of this.#linked()) session.send(lines, version);
  }

  #notifyProgress(): void {
    for (const look of [...this.#progress]) look();
  }
}

const notReadyMessage = (reason: FaasError | undefined) =>
  ({ type: "not-ready", ...(reason ? { code: reason.code, detail: reason.message } : {}) }) as const;
