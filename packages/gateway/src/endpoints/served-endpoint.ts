import { type EndedReplica, type EndpointStatus, FaasError, type Replica, type ReplicaFailure } from "@faas/core";
import type { GatewaySpec } from "../protocol/messages.ts";
import { SplitChooser } from "../split/split-chooser.ts";
import { Ejection, type Timers } from "./ejection.ts";
import { pickReplica } from "./load-balancer.ts";
import { OrganizationRuntime } from "./organization-runtime.ts";
import { ServedReplica } from "./served-replica.ts";
import type { SlotSharing, SlotUser } from "./slot-sharing.ts";
import { type Waiter, WaitQueue } from "./wait-queue.ts";

const NO_REPLICAS: readonly ServedReplica[] = [];
const NONE_LISTED: ReadonlyMap<string, ServedReplica> = new Map();

/** An endpoint as the gateway serves it: its spec, its ready replicas and the requests in progress. */
export class ServedEndpoint<Spec extends GatewaySpec = GatewaySpec> implements SlotUser {
  /** "org/endpoint". */
  readonly key: string;
  /** A revision that runs beside the one that its endpoint serves; it has no address of its own. */
  readonly isVariant: boolean;
  /** Name for messages: "org/endpoint", and the revision of a variant. */
  readonly title: string;
  /** Chooses among the endpoint's revisions. Undefined: all calls are for this one. */
  split: SplitChooser | undefined;
  readonly org: OrganizationRuntime;
  /** Last observed status; `undefined` before the first observation. */
  status: EndpointStatus | undefined;
  /** Ready replicas. */
  replicas: readonly ServedReplica[] = NO_REPLICAS;
  /** Requests that replicas are processing for this gateway. */
  inFlight = 0;
  /** Requests at gateways in other processes, by their latest reports. */
  remoteInFlight = 0;
  remoteWaiting = 0;
  /** Time of the last start or end of a request; before the first request, of the registration. Milliseconds since the epoch. */
  lastRequestMs: number;
  /** `performance.now()` when the first of the present replicas became ready; 0 while none is. */
  readySince = 0;
  /** The endpoint is no longer served. */
  removed = false;
  /** A call of `platform.scale` is in progress. */
  scaling = false;
  /** `platform.scale` has been called since the server started. */
  scaled = false;
  /** Desired and allowed number of replicas, in words, while the organization's limits allow fewer than desired. */
  limited: string | undefined;
  /** Number of requests in flight and waiting here above which `onPressure` is called. */
  pressure = Number.POSITIVE_INFINITY;
  onPressure: (() => void) | undefined;
  /** A revision is being deployed: until it has become ready or failed, the endpoint is not idle. */
  deploying = false;

  #spec: Spec;
  #desired = 0;
  /** Searches for a replica. */
  #rotation = 0;
  readonly #timers: Timers | undefined;
  /** Undefined for a gateway without others: it has all slots. */
  readonly #sharing: SlotSharing | undefined;
  readonly #queue = new WaitQueue<Waiter>();
  /** Asynchronous calls, which wait behind all others. */
  readonly #background = new WaitQueue<Waiter>();
  /** Undefined until a replica fails. */
  #ejection: Ejection | undefined;
  /** All listed replicas, ready or not: one that is unready for a moment keeps its count of requests. */
  #listed = NONE_LISTED;
  /** Undefined until it is needed: there are many endpoints. */
  #exitListeners: Set<() => void> | undefined;
  /** Failure of an earlier attempt to start replicas; it says nothing about the current one. */
  #previousFailure: ReplicaFailure | undefined;

  /** @param timers defaults to the system's */
  constructor(
    key: string,
    spec: Spec,
    now: number,
    org = new OrganizationRuntime(spec.org),
    timers: Timers | undefined = undefined,
    sharing: SlotSharing | undefined = undefined,
  ) {
    this.key = key;
    this.isVariant = spec.variantOf !== undefined;
    this.title = this.isVariant ? `${spec.org}/${spec.variantOf}@${spec.revision}` : key;
    this.split = SplitChooser.of(spec.split, undefined);
    this.org = org;
    this.#spec = spec;
    this.#timers = timers;
    this.#sharing = sharing;
    this.lastRequestMs = now;
    org.usage.add(this);
  }

  /** Spec that is served; the candidate of a deployment in progress is not. */
  get spec(): Spec {
    return this.#spec;
  }

  set spec(spec: Spec) {
    if (this.removed) return;
    this.org.usage.subtract(this);
    this.#spec = spec;
    this.org.usage.add(this);
    this.split = SplitChooser.of(spec.split, this.split);
    if (this.#sharing) this.#sharing.changed(this);
    else for (const replica of this.#listed.values()) replica.slots = this.capacity;
  }

  /** Requests that one replica processes at a time. */
  get capacity(): number {
    return this.#spec.concurrency;
  }

  /** Replicas that the platform was asked to run. */
  get desired(): number {
    return this.#desired;
  }

  set desired(replicas: number) {
    if (this.removed || replicas === this.#desired) return;
    this.org.usage.subtract(this);
    this.#desired = replicas;
    this.org.usage.add(this);
  }

  /** Requests that wait for a replica to become ready or for a slot on one. */
  get waiting(): number {
    return this.#queue.length + this.#background.length;
  }

  /** Requests in flight at all gateways. */
  get totalInFlight(): number {
    return this.inFlight + this.remoteInFlight;
  }

  /** Waiting requests at all gateways. */
  get totalWaiting(): number {
    return this.waiting + this.remoteWaiting;
  }

  /** Starts a new attempt to start replicas: an earlier failure is not a failure of this attempt. */
  attempt(): void {
    this.#previousFailure = this.status?.failure;
  }

  /** Takes over an observed status; waiting requests are served or rejected accordingly. */
  observe(status: EndpointStatus | undefined): void {
    this.status = status;
    this.#replaceReplicas(status?.replicas ?? [], status?.ended ?? []);
    if (this.replicas.length === 0) this.readySince = 0;
    else if (this.readySince === 0) this.readySince = performance.now();
    if (status?.failure === undefined) this.#previousFailure = undefined;
    for (const look of this.#exitListeners ?? []) look();
    this.#sharing?.changed(this);
    this.assignSlots();
  }

  /** Stops serving it: its resources are free, and waiting requests are rejected. */
  remove(): void {
    this.desired = 0;
    this.org.usage.subtract(this);
    this.removed = true;
    this.observe(undefined);
    this.rejectAll(
      new FaasError("ENDPOINT_NOT_FOUND", `The endpoint ${this.title} was removed while the request waited`),
    );
  }

  /**
   * Acquires a slot on a replica. Returns `undefined` when there is none, or others wait for one: then the request must `wait`.
   *
   * @param isBackground the request is an asynchronous call
   */
  acquire(isBackground = false): ServedReplica | undefined {
    if (this.#queue.length > 0 || (isBackground && this.#background.length > 0)) return undefined;
    const replica = this.#pick(isBackground);
    if (replica === undefined) return undefined;
    replica.inFlight++;
    this.inFlight++;
    if (this.inFlight > this.pressure) this.onPressure?.();
    return replica;
  }

  /** Releases a slot; the first waiting request gets it. */
  release(replica: ServedReplica, now: number): void {
    replica.inFlight--;
    replica.completed++;
    this.inFlight--;
    this.lastRequestMs = now;
    if (replica.contended) this.#sharing?.released(this, replica);
    if (this.waiting > 0) this.assignSlots();
  }

  wait(waiter: Waiter): void {
    this.#queueOf(waiter).push(waiter);
    if (this.inFlight + this.waiting > this.pressure) this.onPressure?.();
    this.#sharing?.changed(this);
  }

  /** Waits before all others: for a request whose replica turned out to be gone. */
  waitFirst(waiter: Waiter): void {
    this.#queueOf(waiter).unshift(waiter);
    this.#sharing?.changed(this);
  }

  stopWaiting(waiter: Waiter): void {
    this.#queueOf(waiter).remove(waiter);
    this.#sharing?.changed(this);
  }

  /** Ejects a replica that did not accept a request. */
  eject(replica: ServedReplica): void {
    this.#ejections.eject(replica, this.replicas);
    this.#sharing?.changed(this);
  }

  /** Ejects a replica whose host does not respond, until `restore`. */
  suspend(replica: ServedReplica): void {
    this.#ejections.suspend(replica);
    this.#sharing?.changed(this);
  }

  restore(replica: ServedReplica): void {
    this.#ejections.restore(replica);
  }

  /** Ejects a replica that failed while it processed a request, unless it is the only usable one. */
  ejectIfOthers(replica: ServedReplica): void {
    if (this.replicas.some((other) => other !== replica && !other.ejected)) this.eject(replica);
  }

  /** Gives free slots to waiting requests; rejects these when the served revision cannot start. */
  assignSlots(): void {
    if (this.waiting === 0) return;
    this.#assignSlotsTo(this.#queue, false);
    if (this.#queue.length === 0) this.#assignSlotsTo(this.#background, true);
    const failure = this.waiting > 0 ? this.failure() : undefined;
    if (failure) this.rejectAll(failure);
    this.#sharing?.changed(this);
  }

  /** Failure of the current attempt to start replicas. */
  get presentFailure(): ReplicaFailure | undefined {
    const failure = this.status?.failure;
    return failure === this.#previousFailure ? undefined : failure;
  }

  /**
   * Returns why no request can be answered: no replica is ready, and the current attempt to start the served revision failed. A failed candidate does not
   * count: it will be rolled back.
   */
  failure(): FaasError | undefined {
    const failure = this.presentFailure;
    if (failure === undefined || this.replicas.length > 0 || failure.revision !== this.#spec.revision) return undefined;
    return new FaasError(failure.code, failure.detail, { extensions: { revision: failure.revision } });
  }

  /** Resolves with how a failed replica ended, or with `undefined` if that is not observed within `limitMs`. */
  exitOf(replica: ServedReplica, limitMs: number): Promise<EndedReplica | undefined> {
    return new Promise((resolve) => {
      const look = () => {
        const ended = this.status?.ended?.find(({ id }) => id === replica.id);
        if (ended) finish(ended);
      };
      const finish = (ended?: EndedReplica) => {
        clearTimeout(timer);
        this.#exitListeners?.delete(look);
        resolve(ended);
      };
      const timer = setTimeout(finish, limitMs);
      this.#exitListeners ??= new Set();
      this.#exitListeners.add(look);
      look();
    });
  }

  /** Rejects all waiting requests. */
  rejectAll(error: Error): void {
    for (const queue of [this.#queue, this.#background])
      for (let waiter = queue.shift(); waiter; waiter = queue.shift()) waiter.onRejected(error);
  }

  #queueOf({ isBackground = false }: Waiter): WaitQueue<Waiter> {
    return isBackground ? this.#background : this.#queue;
  }

  #assignSlotsTo(queue: WaitQueue<Waiter>, isBackground: boolean): void {
    while (queue.length > 0) {
      const replica = this.#pick(isBackground);
      if (replica === undefined) break;
      replica.inFlight++;
      this.inFlight++;
      queue.shift()?.onSlot(replica);
    }
  }

  /** Picks a replica. Asynchronous calls leave half of its slots to others. */
  #pick(isBackground: boolean): ServedReplica | undefined {
    if (!isBackground) return pickReplica(this.replicas, this.#rotation++);
    return pickReplica(this.replicas, this.#rotation++, Math.ceil(this.capacity / 2));
  }

  get #ejections(): Ejection {
    this.#ejection ??= new Ejection(() => this.#usabilityChanged(), this.#timers);
    return this.#ejection;
  }

  #usabilityChanged(): void {
    this.#sharing?.changed(this);
    this.assignSlots();
  }

  #replaceReplicas(observed: EndpointStatus["replicas"], ended: readonly EndedReplica[]): void {
    if (observed.length === 0 && this.#listed.size === 0) return;
    const ready: ServedReplica[] = [];
    const present = new Map<string, ServedReplica>();
    for (const replica of observed) {
      let served = this.#listed.get(replica.id);
      // A starting replica may not have an address yet.
      if (replica.ready && served?.address !== replica.address) served = this.#serve(replica);
      if (served === undefined) continue;
      present.set(replica.id, served);
      served.draining = !replica.ready;
      if (replica.ready) ready.push(served);
    }
    for (const [id, served] of this.#listed) {
      if (present.get(id) === served) continue;
      served.draining = !ended.some((replica) => replica.id === id);
      served.close();
      this.#sharing?.removed(this, served);
    }
    this.#listed = present.size > 0 ? present : NONE_LISTED;
    this.replicas = ready.length > 0 ? ready : NO_REPLICAS;
  }

  #serve(replica: Replica): ServedReplica {
    if (this.#sharing === undefined) return new ServedReplica(replica, this.capacity);
    const served = new ServedReplica(replica, 0);
    this.#sharing.added(this, served);
    return served;
  }
}
