import { type EndedReplica, type EndpointSpec, type EndpointStatus, FaasError, type ReplicaFailure } from "@faas/core";
import { pickReplica } from "../pipeline/acquire-slot.ts";
import { Ejection } from "./ejection.ts";
import { OrganizationRuntime } from "./organization-runtime.ts";
import { ServedReplica } from "./served-replica.ts";
import { type Waiter, WaitQueue } from "./wait-queue.ts";

const NONE: readonly ServedReplica[] = [];
const NONE_LISTED: ReadonlyMap<string, ServedReplica> = new Map();

/** One served endpoint: its spec, its ready replicas, and the requests under way. */
export class ServedEndpoint {
  /** "org/endpoint". */
  readonly key: string;
  readonly org: OrganizationRuntime;
  /** What is served; a candidate that is being deployed is not here. */
  spec: EndpointSpec;
  /** As observed last; `undefined` before the first observation. */
  status: EndpointStatus | undefined;
  /** The ready ones. */
  replicas: readonly ServedReplica[] = NONE;
  /** Replicas that the platform was told to have. */
  desired = 0;
  /** Requests that a replica is answering. */
  inFlight = 0;
  /** The last time that a request came or ended; before the first, when the endpoint was put. Milliseconds since the epoch. */
  lastRequestMs: number;
  /** `performance.now()` when the first of the present replicas got ready; 0 while there is none. */
  readySince = 0;
  /** It is served no more. */
  removed = false;
  /** A call of `platform.scale` is under way. */
  scaling = false;
  /** `platform.scale` was called since the server started. */
  scaled = false;
  /** It wants more replicas than its organization's limits have room for: what it wants, and what there is. */
  limited: string | undefined;
  /** A revision is being deployed: until it has answered or failed the endpoint is not idle, whatever its timeout. */
  deploying = false;

  readonly #line = new WaitQueue();
  /** Absent until a replica fails. */
  #suspension: Ejection | undefined;
  /** Every listed replica, ready or not: one that is unready for a moment keeps its count of requests. */
  #listed = NONE_LISTED;
  /** Absent while nobody asks: there are many endpoints. */
  #exitListeners: Set<() => void> | undefined;
  /** A failure of an attempt before the present one; it says nothing about this one. */
  #previousFailure: ReplicaFailure | undefined;

  constructor(key: string, spec: EndpointSpec, now: number, org = new OrganizationRuntime(spec.org)) {
    this.key = key;
    this.org = org;
    this.spec = spec;
    this.lastRequestMs = now;
  }

  /** Requests that wait for a replica or for a place on one. */
  get waiting(): number {
    return this.#line.length;
  }

  /** A new attempt to start replicas begins: a failure that is known already is not its failure. */
  attempt(): void {
    this.#previousFailure = this.status?.failure;
  }

  /** Takes over what was observed; requests that wait are served or refused accordingly. */
  observe(status: EndpointStatus | undefined): void {
    this.status = status;
    this.#replaceReplicas(status?.replicas ?? []);
    if (this.replicas.length === 0) this.readySince = 0;
    else if (this.readySince === 0) this.readySince = performance.now();
    if (status?.failure === undefined) this.#previousFailure = undefined;
    for (const look of this.#exitListeners ?? []) look();
    this.serve();
  }

  /** A place on a replica now, or `undefined`: then the request has to `wait`. Whoever waits already goes first. */
  take(): ServedReplica | undefined {
    if (this.#line.length > 0) return undefined;
    const replica = pickReplica(this.replicas, this.spec.concurrency);
    if (replica === undefined) return undefined;
    replica.inFlight++;
    this.inFlight++;
    return replica;
  }

  /** Gives the place back, to the first in the line. */
  release(replica: ServedReplica, now: number): void {
    replica.inFlight--;
    replica.ended++;
    this.inFlight--;
    this.lastRequestMs = now;
    if (this.#line.length > 0) this.serve();
  }

  wait(waiter: Waiter): void {
    this.#line.join(waiter);
  }

  /** Waits before all others: a request whose replica was gone when it came there. */
  waitFirst(waiter: Waiter): void {
    this.#line.joinFront(waiter);
  }

  stopWaiting(waiter: Waiter): void {
    this.#line.leave(waiter);
  }

  /** The replica did not take a request: it is left alone for a while. */
  suspend(replica: ServedReplica): void {
    this.#suspension ??= new Ejection(() => this.serve());
    this.#suspension.failed(replica, this.replicas);
  }

  /** The replica took a request and broke off, or is stuck: it is left alone for a while, if there is another. */
  avoid(replica: ServedReplica): void {
    if (this.replicas.some((other) => other !== replica && !other.suspended)) this.suspend(replica);
  }

  /** Gives free places to those who wait; refuses them when the served revision cannot run. */
  serve(): void {
    while (this.#line.length > 0) {
      const replica = pickReplica(this.replicas, this.spec.concurrency);
      if (replica === undefined) break;
      replica.inFlight++;
      this.inFlight++;
      this.#line.shift()?.onSlot(replica);
    }
    if (this.#line.length === 0) return;
    const failure = this.failure();
    if (failure) this.refuseAll(failure);
  }

  /**
   * Why no request can be answered: nothing is ready, and the present attempt to start the served revision failed.
   * The failure of a candidate is none: the rollback comes.
   */
  failure(): FaasError | undefined {
    const failure = this.status?.failure;
    if (failure === undefined || this.replicas.length > 0) return undefined;
    if (failure.revision !== this.spec.revision || failure === this.#previousFailure) return undefined;
    return new FaasError(failure.code, failure.detail, { extensions: { revision: failure.revision } });
  }

  /** How a replica ended that broke off just now; undefined when that is not observed within `limitMs`. */
  endOf(replica: ServedReplica, limitMs: number): Promise<EndedReplica | undefined> {
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

  refuseAll(error: Error): void {
    for (let waiter = this.#line.shift(); waiter; waiter = this.#line.shift()) waiter.onRejected(error);
  }

  #replaceReplicas(observed: EndpointStatus["replicas"]): void {
    if (observed.length === 0 && this.#listed.size === 0) return;
    const ready: ServedReplica[] = [];
    const present = new Map<string, ServedReplica>();
    for (const replica of observed) {
      let live = this.#listed.get(replica.id);
      // A replica that is starting may have no address yet.
      if (replica.ready && live?.address !== replica.address) live = new ServedReplica(replica);
      if (live === undefined) continue;
      present.set(replica.id, live);
      if (replica.ready) ready.push(live);
    }
    for (const [id, live] of this.#listed) if (present.get(id) !== live) live.close();
    this.#listed = present.size > 0 ? present : NONE_LISTED;
    this.replicas = ready.length > 0 ? ready : NONE;
  }
}
