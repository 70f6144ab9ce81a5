import type { FaasError } from "@faas/core";
import { OutlierDetector } from "../endpoints/outlier-detection.ts";
import { EndpointRegistry } from "../endpoints/registry.ts";
import { minReplicas, replicaQuota, replicasLimited } from "../endpoints/replica-quota.ts";
import type { ServedEndpoint } from "../endpoints/served-endpoint.ts";
import { type LinkClock, SYSTEM_CLOCK, timersOf } from "../protocol/link.ts";
import {
  type ControlHello,
  type ControlMessage,
  type GatewayHello,
  type GatewayMember,
  PROTOCOL_VERSION,
} from "../protocol/messages.ts";
import { AccessReporter } from "./access-reporter.ts";
import { CallReporter } from "./call-reporter.ts";
import { ControlLink } from "./control-link.ts";
import { LoadReporter } from "./load-reporter.ts";
import type { GatewayView, LinkState, PlatformReplica, ViewClientOptions, ViewState } from "./options.ts";
import { RemoteKeys } from "./remote-keys.ts";
import { ReplicaView } from "./replica-view.ts";
import { ViewApplier } from "./view-applier.ts";
import { Waker } from "./waker.ts";

/** Interval of load reports. */
const LOAD_MS = 100;
/** Load reports between two reports of calls and access lines. */
const LOADS_PER_REPORT = 10;
/** Load reports between two decisions about slow replicas. */
const LOADS_PER_DECISION = 5;
/** Characters of access lines that are sent before their time. */
const ACCESS_CHARACTERS = 256 * 1024;

/** Starts the replicas that an endpoint has while it is in use, as far as its organization's limits allow. */
async function wakeWithinLimits(
  endpoint: ServedEndpoint,
  wake: NonNullable<ViewClientOptions["wakeDirectly"]>,
): Promise<void> {
  const { spec, org, key } = endpoint;
  const { replicas, limit } = replicaQuota(org.limits, org.usage, endpoint, minReplicas(spec));
  if (replicas === 0) throw replicasLimited(key, limit);
  await wake(endpoint, replicas);
}

/** A gateway's view of the control server's state, over a link, and its reports (docs/decisions/0033-gateways-and-their-protocol.md). */
export class ViewClient implements GatewayView {
  readonly registry: EndpointRegistry;
  readonly keys: RemoteKeys;
  readonly metrics: CallReporter;
  readonly accessLog: AccessReporter;
  readonly #options: ViewClientOptions;
  readonly #clock: LinkClock;
  readonly #link: ControlLink;
  readonly #applier: ViewApplier;
  readonly #replicas: ReplicaView;
  readonly #waker: Waker;
  readonly #loads: LoadReporter;
  readonly #outliers = new OutlierDetector();
  readonly #complete = Promise.withResolvers<void>();
  #state: LinkState = "connecting";
  #isComplete = false;
  #isStopping = false;
  #version = 0;
  #control: ControlHello | undefined;
  #members: readonly GatewayMember[] | undefined;
  #isPartial = false;
  #ticks = 0;
  #cancelTick: (() => void) | undefined;

  constructor(options: ViewClientOptions) {
    const { transport, log, clock = SYSTEM_CLOCK, random = Math.random, wakeDirectly } = options;
    this.#options = options;
    this.#clock = clock;
    this.registry = new EndpointRegistry({
      log,
      limitsOf: (org) => this.#applier.limitsOf(org),
      onWake: (endpoint) => this.#wake(endpoint),
      timers: timersOf(clock),
      ...(options.sharing === undefined ? {} : { sharing: options.sharing }),
    });
    this.#loads = new LoadReporter(this.registry);
    this.metrics = new CallReporter((endpoint) => this.#loads.countEnded(endpoint));
    this.accessLog = new AccessReporter(options.identity.name, log);
    this.#link = new ControlLink({
      ...{ transport, clock, random, log },
      hello: () => this.#hello(),
      onHello: (hello) => this.#introduced(hello),
      onMessage: (message) => this.#received(message),
      onLost: () => this.#lost(),
    });
    this.keys = new RemoteKeys((id) => this.#link.send({ type: "key-used", id }));
    this.#replicas = new ReplicaView(this.registry, wakeDirectly !== undefined);
    this.#waker = new Waker({
      ...{ clock, log },
      wakeDirectly: wakeDirectly && ((endpoint) => wakeWithinLimits(endpoint, wakeDirectly)),
      ask: (key) => this.#link.send({ type: "wake", key }),
      silentMs: () => this.#link.silentMs,
    });
    this.#applier = new ViewApplier({
      registry: this.registry,
      keys: this.keys,
      replicas: this.#replicas,
      waker: this.#waker,
    });
    // Not every caller waits.
    this.#complete.promise.catch(() => {});
  }

  get state(): ViewState {
    return {
      link: this.#state,
      complete: this.#isComplete,
      ageMs: this.#link.silentMs,
      version: this.#version,
      control: this.#control,
    };
  }

  /** Gateways that share the calls, this one included; undefined before the first list. */
  get members(): readonly GatewayMember[] | undefined {
    return this.#members;
  }

  /** Names of all organizations. */
  orgs(): IterableIterator<string> {
    return this.#applier.orgs();
  }

  hasOrg(org: string): boolean {
    return this.#applier.hasOrg(org);
  }

  notReady(): FaasError | undefined {
    // What the control server said before it went away does not hold for a gateway that can start replicas itself.
    return this.#state === "linked" || this.#options.wakeDirectly === undefined ? this.#applier.notReady : undefined;
  }

  start(): void {
    this.#link.start();
    this.#scheduleTick();
  }

  ready(signal?: AbortSignal): Promise<void> {
    if (signal === undefined) return this.#complete.promise;
    const aborted = new Promise<never>((_, reject) => {
      if (signal.aborted) reject(signal.reason);
      else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    return Promise.race([this.#complete.promise, aborted]);
  }

  setPlatformReplicas(key: string, replicas: readonly PlatformReplica[] | undefined): void {
    this.#replicas.setPlatform(key, replicas);
    const endpoint = this.registry.get(key);
    if (endpoint === undefined) return;
    if (endpoint.replicas.length > 0) this.#waker.forget(endpoint);
    else if (!this.#link.isOpen) this.#waker.wakeIfWaiting(endpoint);
  }

  beginStop(): void {
    this.#isStopping = true;
    this.#link.send({ type: "stopping" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#cancelTick?.();
    this.#report();
    this.#link.close();
  }

  #hello(): GatewayHello {
    const { identity } = this.#options;
    return {
      type: "hello",
      protocol: PROTOCOL_VERSION,
      ...identity,
      ...(this.#members ? { members: this.#members } : {}),
      ...(this.#isStopping ? { stopping: true } : {}),
    };
  }

  #introduced(hello: ControlHello): void {
    const before = this.#control;
    this.#control = hello;
    if (before && before.requiresKeys !== hello.requiresKeys)
      this.#options.onIncompatible?.("the control server was started again with or without keys");
    // The first report says that all calls of this gateway are in it.
    this.#loads.reset();
    this.#link.send({ type: "load", endpoints: this.#loads.take() });
  }

  #received(message: ControlMessage): void {
    switch (message.type) {
      case "version":
        this.#version = message.version;
        this.#link.send({ type: "ack", version: message.version });
        return;
      case "report":
        this.#report();
        this.#link.send({ type: "reported", number: message.number });
        return;
      case "gateways":
        this.#members = message.members;
        this.#isPartial = message.partial === true;
        this.#reportMembers();
        return;
      case "snapshot-end":
        this.#applier.apply(message);
        this.#synced();
        return;
      default:
        this.#applier.apply(message);
    }
  }

  /** Reports the members once it is known what this gateway serves: before that, it cannot share it. */
  #reportMembers(): void {
    if (this.#isComplete && this.#members) this.#options.onMembers?.(this.#members, this.#isPartial);
  }

  #synced(): void {
    this.#setState("linked");
    this.#replicas.setAway(false);
    this.#waker.onSynced(this.registry.values());
    const isFirst = !this.#isComplete;
    this.#isComplete = true;
    if (isFirst) this.#reportMembers();
    this.#complete.resolve();
  }

  #lost(): void {
    if (this.#isComplete) this.#setState("away");
    this.#replicas.setAway(true);
    this.#waker.onLost();
    // The number that was desired last may not be the present one.
    if (this.#options.wakeDirectly) for (const endpoint of this.registry.values()) this.#waker.wakeIfWaiting(endpoint);
  }

  #setState(state: LinkState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#options.onLinkState?.(state);
  }

  #wake(endpoint: ServedEndpoint): void {
    this.#loads.include(endpoint);
    this.#waker.wake(endpoint);
  }

  #scheduleTick(): void {
    this.#cancelTick = this.#clock.after(LOAD_MS, () => {
      this.#tick();
      this.#scheduleTick();
    });
  }

  #tick(): void {
    this.#ticks++;
    this.#findSlowReplicas();
    this.#waker.tick();
    if (!this.#link.isOpen) return;
    const endpoints = this.#loads.take();
    if (endpoints.length > 0) this.#link.send({ type: "load", endpoints });
    if (this.#ticks % LOADS_PER_REPORT === 0 || this.accessLog.characters > ACCESS_CHARACTERS) this.#report();
  }

  #findSlowReplicas(): void {
    const decides = this.#ticks % LOADS_PER_DECISION === 0;
    for (const endpoint of this.registry.awake) {
      this.#outliers.sample(endpoint);
      if (decides) this.#outliers.detect(endpoint, Date.now());
    }
  }

  /** Sends what was counted and logged since the last report. While the link is not open it is kept. */
  #report(): void {
    if (!this.#link.isOpen) return;
    const endpoints = this.metrics.take();
    if (endpoints.length > 0) this.#link.send({ type: "calls", endpoints });
    if (this.accessLog.characters > 0) this.#link.send({ type: "access", lines: this.accessLog.take() });
  }
}
