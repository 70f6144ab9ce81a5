import type { EndpointRef, EndpointSpec, FaasError, Logger } from "@faas/core";
import { endpointKey } from "@faas/core";
import {
  type ControlHello,
  type ControlMessage,
  type EndpointLoad,
  type EndpointRegistry,
  encodeMessage,
  type GatewayHello,
  type GatewayMessage,
  type GatewaysMessage,
  type LinkClock,
  type LinkConnection,
  type LinkHandlers,
  PING_MS,
  type ServedEndpoint,
  type StatusSubscriber,
} from "@faas/gateway";
import { MemberList } from "./member-list.ts";
import type { Publisher } from "./publisher.ts";
import { GatewaySession } from "./session.ts";
import type { GatewayInfo, GatewaySessions } from "./session-info.ts";

/** Longest time for which a change is confirmed. A gateway that has too little CPU time may take long; one that is silent is lost before. */
const SETTLE_MS = 10_000;
/** Longest time for which the platform's report of a replica that stops, and reports of gateways, are awaited. */
const REPORT_MS = 1_000;

/** Receives what gateways report. */
export interface ReportSink {
  onReport(message: GatewayMessage): void;
  /** Called for each endpoint whose load a gateway has reported, when it is counted. */
  onLoad?(endpoint: ServedEndpoint<EndpointSpec>): void;
}

export interface GatewayGroupOptions {
  readonly registry: EndpointRegistry<EndpointSpec>;
  readonly hello: ControlHello;
  readonly clock: LinkClock;
  /** Returns milliseconds since the epoch. @defaultValue Date.now */
  readonly now?: () => number;
  readonly log: Pick<Logger, "info" | "warn">;
  /** Returns the reason why no replica can be started yet. */
  readonly notReady: () => FaasError | undefined;
  /** Gateways outlive the control server, and open their links again after its start. @defaultValue false */
  readonly outliveServer?: boolean;
  readonly reports: ReportSink;
  /** Creates the publisher. @param broadcast sends lines to all gateways */
  readonly publisher: (broadcast: (lines: string) => void) => Publisher;
}

/** The gateways in other processes that serve this control server's endpoints. */
export class GatewayGroup implements GatewaySessions, StatusSubscriber, Disposable {
  readonly publisher: Publisher;
  readonly #options: GatewayGroupOptions;
  readonly #now: () => number;
  readonly #members: MemberList;
  /** Open links, also of gateways that have not introduced themselves. */
  readonly #sessions = new Set<GatewaySession>();
  /** Called when a gateway has confirmed a version or reported, or is lost. */
  readonly #progress = new Set<() => void>();
  #notReady = "{}";
  /** True once it is known which replicas run: before that, a snapshot would say that there are none. */
  #isObserved = false;
  /** Endpoints that gateways asked to wake before that. */
  readonly #earlyWakes = new Set<string>();
  #cancelPoll: (() => void) | undefined;
  #lastReport = 0;

  constructor(options: GatewayGroupOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    const { registry, clock } = options;
    const onChange = (list: GatewaysMessage) => this.#broadcast(encodeMessage<ControlMessage>(list));
    this.#members = new MemberList({ registry, clock, onChange, outliveServer: options.outliveServer ?? false });
    this.publisher = options.publisher((lines) => this.#broadcast(lines, this.publisher.version));
  }

  /** Takes a new link. The result handles what arrives on it. */
  accept(connection: LinkConnection): LinkHandlers {
    const { clock, hello } = this.#options;
    const session = new GatewaySession({
      ...{ connection, clock, hello },
      onHello: (self, gateway) => this.#join(self, gateway),
      onMessage: (self, message) => this.#received(self, message),
      onProgress: () => this.#notifyProgress(),
      onLost: (self, reason) => this.#lost(self, reason),
    });
    this.#sessions.add(session);
    return session.handlers;
  }

  list(): readonly GatewayInfo[] {
    const all = Array.from(this.#members.values(), (member) => member.info);
    return all.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  expect(name: string, address?: string): void {
    this.#members.expect(name, address);
  }

  gone(name: string): void {
    this.#members.remove(name);
    this.#notifyProgress();
  }

  get mayHaveUnseenCalls(): boolean {
    return this.#members.mayHaveUnseenCalls;
  }

  async settled(): Promise<void> {
    if (this.#members.openSessions().next().done) return;
    const version = this.publisher.flush();
    await this.#all(({ ackedVersion }) => ackedVersion >= version, SETTLE_MS);
  }

  async reported(): Promise<void> {
    if (this.#members.openSessions().next().done) return;
    const number = ++this.#lastReport;
    this.#broadcast(encodeMessage<ControlMessage>({ type: "report", number }));
    await this.#all(({ reportedNumber }) => reportedNumber >= number, REPORT_MS);
  }

  /**
   * Resolves when no gateway sends calls to a replica any more that the platform is about to stop, after at most eleven seconds. The platform has to report
   * it as not ready, or not at all, within the first one.
   */
  async replicaStopping(ref: EndpointRef, replica: string): Promise<void> {
    if (this.#members.openSessions().next().done) return;
    const { registry } = this.#options;
    const isReady = () => registry.get(endpointKey(ref))?.replicas.some(({ id }) => id === replica) === true;
    const limit = new AbortController();
    const cancel = this.#options.clock.after(REPORT_MS, () => limit.abort());
    while (isReady() && !limit.signal.aborted) await registry.changed(ref, limit.signal).catch(() => {});
    cancel();
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
    this.#members.clear();
  }

  /** True if there are gateways that changes have to be published to. */
  get #hasReaders(): boolean {
    return this.#sessions.size > 0;
  }

  #join(session: GatewaySession, hello: GatewayHello): void {
    const { clock, log, notReady } = this.#options;
    const { name, version, pid } = hello;
    log.info({ gateway: name, version, pid }, "a gateway is linked");
    this.#members.join(session, hello);
    for (const each of this.#sessions) if (each.isClosed) this.#sessions.delete(each);
    const { message } = this.#members;
    session.send(encodeMessage<ControlMessage>(message) + encodeMessage<ControlMessage>(notReadyMessage(notReady())));
    if (this.#isObserved) this.#sendSnapshot(session);
    this.#cancelPoll ??= clock.after(PING_MS, () => this.#poll());
  }

  #sendSnapshot(session: GatewaySession): void {
    session.sendSnapshot(this.publisher.snapshot(), () => this.publisher.version);
  }

  #received(session: GatewaySession, message: GatewayMessage): void {
    const member = this.#members.ofSession(session);
    if (member === undefined) return;
    switch (message.type) {
      case "load":
        member.report(message.endpoints, this.#now());
        this.#notifyLoad(message.endpoints);
        return;
      case "wake":
        this.#wake(session, message.key);
        return;
      case "stopping":
        this.#members.drain(member);
        return;
      default:
        this.#options.reports.onReport(message);
    }
  }

  #notifyLoad(loads: readonly EndpointLoad[]): void {
    const { registry, reports } = this.#options;
    for (const [key] of loads) {
      const endpoint = registry.get(key);
      if (endpoint) reports.onLoad?.(endpoint);
    }
  }

  #wake(session: GatewaySession, key: string): void {
    const { registry, notReady } = this.#options;
    const endpoint = registry.get(key);
    // A gateway that knows a removed endpoint is about to learn that.
    if (endpoint === undefined) return;
    endpoint.lastRequestMs = this.#now();
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
    const member = this.#members.ofSession(session);
    if (member === undefined) return;
    this.#options.log.warn({ gateway: member.name }, `the link to a gateway was lost: ${reason}`);
    this.#members.lost(member);
    this.#notifyProgress();
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
    for (const session of this.#members.openSessions()) session.send(lines, version);
  }

  /** Resolves when a condition is true of all linked gateways, or after a time. */
  async #all(isTrue: (session: GatewaySession) => boolean, limitMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => {
      for (const session of this.#members.openSessions()) if (!isTrue(session)) return;
      resolve();
    };
    this.#progress.add(look);
    const cancel = this.#options.clock.after(limitMs, resolve);
    look();
    await promise;
    cancel();
    this.#progress.delete(look);
  }

  #notifyProgress(): void {
    for (const look of [...this.#progress]) look();
  }
}

const notReadyMessage = (reason: FaasError | undefined) =>
  ({ type: "not-ready", ...(reason ? { code: reason.code, detail: reason.message } : {}) }) as const;
