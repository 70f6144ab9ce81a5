import { type EndedReplica, type EndpointSpec, type EndpointStatus, FaasError, type ReplicaFailure } from "@faas/core";
import { Ejection, type Timers } from "./ejection.ts";
import { pickReplica } from "./load-balancer.ts";
import { OrganizationRuntime } from "./organization-runtime.ts";
import { ServedReplica } from "./served-replica.ts";
import { type Waiter, WaitQueue } from "./wait-queue.ts";

const NO_REPLICAS: readonly ServedReplica[] = [];
const NONE_LISTED: ReadonlyMap<string, ServedReplica> = new Map();

/** An endpoint as the gateway serves it: its spec, its ready replicas and the requests in progress. */
export class ServedEndpoint {
  /** "org/endpoint". */
  readonly key: string;
  readonly org: OrganizationRuntime;
  /** Last observed status; `undefined` before the first observation. */
  status: EndpointStatus | undefined;
  /** Ready replicas. */
  replicas: readonly ServedReplica[] = NO_REPLICAS;
  /** Requests that replicas are processing. */
  inFlight = 0;
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
  /** A revision is being deployed: until it has become ready or failed, the endpoint is not idle. */
  deploying = false;

  #spec: EndpointSpec;
  #desired = 0;
  readonly #timers: Timers | undefined;
  readonly #queue = new WaitQueue<Waiter>();
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
    spec: EndpointSpec,
    now: number,
    org = new OrganizationRuntime(spec.org),
    timers: Timers | undefined = undefined,
  ) {
    this.key = key;
    this.org = org;
    this.#spec = spec;
    this.#timers = timers;
    this.lastRequestMs = now;
    org.usage.add(this);
  }

  /** Spec that is served; the candidate of a deployment in progress is not. */
  get spec(): EndpointSpec {
    return this.#spec;
  }

  set spec(spec: EndpointSpec) {
    if (this.removed) return;
    this.org.usage.subtract(this);
    this.#spec = spec;
    this.org.usage.add(this);
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
    return this.#queue.length;
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
    this.assignSlots();
  }

  /** Stops serving it: its resources are free, and waiting requests are rejected. */
  remove(): void {
    this.desired = 0;
    this.org.usage.subtract(this);
    this.removed = true;
    this.observe(undefined);
    this.rejectAll(
      new FaasError("ENDPOINT_NOT_FOUND", `The endpoint ${this.key} was removed while the request waited`),
    );
  }

  /** Acquires a slot on a replica. Returns `undefined` when there is none, or others wait for one: then the request must `wait`. */
  acquire(): ServedReplica | undefined {
    if (this.#queue.length > 0) return undefined;
    const replica = pickReplica(this.replicas, this.#spec.concurrency);
    if (replica === undefined) return undefined;
    replica.inFlight++;
    this.inFlight++;
    return replica;
  }

  /** Releases a slot; the first waiting request gets it. */
  release(replica: ServedReplica, now: number): void {
    replica.inFlight--;
    replica.completed++;
    this.inFlight--;
    this.lastRequestMs = now;
    if (this.#queue.length > 0) this.assignSlots();
  }

  wait(waiter: Waiter): void {
    this.#queue.push(waiter);
  }

  /** Waits before all others: for a request whose replica turned out to be gone. */
  waitFirst(waiter: Waiter): void {
    this.#queue.unshift(waiter);
  }

  stopWaiting(waiter: Waiter): void {
    this.#queue.remove(waiter);
  }

  /** Ejects a replica that did not accept a request. */
  eject(replica: ServedReplica): void {
    this.#ejections.eject(replica, this.replicas);
  }

  /** Ejects a replica whose host does not respond, until `restore`. */
  suspend(replica: ServedReplica): void {
    this.#ejections.suspend(replica);
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
    while (this.#queue.length > 0) {
      const replica = pickReplica(this.replicas, this.#spec.concurrency);
      if (replica === undefined) break;
      replica.inFlight++;
      this.inFlight++;
      this.#queue.shift()?.onSlot(replica);
    }
    if (this.#queue.length === 0) return;
    const failure = this.failure();
    if (failure) this.rejectAll(failure);
  }

  /**
   * Returns why no request can be answered: no replica is ready, and the current attempt to start the served revision failed. A failed candidate does not
   * count: it will be rolled back.
   */
  failure(): FaasError | undefined {
    const failure = this.status?.failure;
    if (failure === undefined || this.replicas.length > 0) return undefined;
    if (failure.revision !== this.#spec.revision || failure === this.#previousFailure) return undefined;
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
    for (let waiter = this.#queue.shift(); waiter; waiter = this.#queue.shift()) waiter.onRejected(error);
  }

  get #ejections(): Ejection {
    this.#ejection ??= new Ejection(() => this.assignSlots(), this.#timers);
    return this.#ejection;
  }

  #replaceReplicas(observed: EndpointStatus["replicas"], ended: readonly EndedReplica[]): void {
    if (observed.length === 0 && this.#listed.size === 0) return;
    const ready: ServedReplica[] = [];
    const present = new Map<string, ServedReplica>();
    for (const replica of observed) {
      let served = this.#listed.get(replica.id);
      // A starting replica may not have an address yet.
      if (replica.ready && served?.address !== replica.address) served = new ServedReplica(replica);
      if (served === undefined) continue;
      present.set(replica.id, served);
      served.draining = !replica.ready;
      if (replica.ready) ready.push(served);
    }
    for (const [id, served] of this.#listed) {
      if (present.get(id) === served) continue;
      served.draining = !ended.some((replica) => replica.id === id);
      served.close();
    }
    this.#listed = present.size > 0 ? present : NONE_LISTED;
    this.replicas = ready.length > 0 ? ready : NO_REPLICAS;
  }
}
