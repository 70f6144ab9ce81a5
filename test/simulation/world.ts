import { type EndpointStatus, type Limits, limitNumbers } from "@faas/core";
import { exponential, type Random, seeded } from "@faas/testing";
import { TokenBucket } from "../../packages/gateway/src/limits/token-bucket.ts";
import type { CallRecorder, SimulatedCall } from "./simulated-call.ts";
import { SimulatedGateway } from "./simulated-gateway.ts";
import { SimulatedNetwork } from "./simulated-network.ts";
import { InvariantError, type SimulatedReplica } from "./simulated-replicas.ts";
import { SimulatedTime } from "./simulated-time.ts";

const ORG = "acme";

/** An endpoint of the simulated organization. */
export interface SimulatedEndpoint {
  readonly key: string;
  readonly concurrency: number;
  readonly replicas: Map<string, SimulatedReplica>;
}

/** Numbers of calls by what happened to them. */
export interface Counts {
  served: number;
  rejected: Map<string, number>;
  admitted: number;
  /** Calls that a single gateway would have admitted. */
  admittedByOneBucket: number;
}

/** Gateways, a control server that lists them and their replicas, calls, and the faults of all of them; checks invariants at each step. */
export class World implements CallRecorder {
  readonly random: Random;
  readonly time = new SimulatedTime();
  readonly network: SimulatedNetwork;
  readonly gateways = new Map<string, SimulatedGateway>();
  readonly endpoints = new Map<string, SimulatedEndpoint>();
  readonly counts: Counts = { served: 0, rejected: new Map(), admitted: 0, admittedByOneBucket: 0 };
  /** Calls in progress of the organization. */
  inProgress = 0;
  /** Limits may be exceeded: gateways took others for gone that were not. */
  mayExceed = false;
  /** The control server is unavailable: it lists no gateways. */
  isControlAway = false;
  /** Longest time for which a call may wait while a replica has a free slot. */
  maxGapMs = Number.POSITIVE_INFINITY;
  /** Milliseconds for which a call waited while a replica had a free slot, for each such time. */
  readonly idleGaps: number[] = [];
  /** Limits of the organization. */
  readonly limits: Limits;
  /** Running replicas that the control server does not list for the moment. */
  readonly #hidden = new Set<string>();
  readonly #gapBegan = new Map<string, number>();
  /** The organization's bucket, if there were one gateway. */
  readonly #bucket: TokenBucket | undefined;
  #replicas = 0;

  constructor(seed: number, limits: Limits) {
    this.random = seeded(seed);
    this.network = new SimulatedNetwork(this.time, this.random);
    this.limits = limits;
    const { requestsPerSecond, burst } = limitNumbers(limits);
    if (Number.isFinite(requestsPerSecond)) this.#bucket = new TokenBucket(requestsPerSecond, burst, this.time.now);
  }

  /** Draws a whole number from a range, both ends included. */
  draw(from: number, to: number): number {
    return from + Math.floor(this.random() * (to - from + 1));
  }

  pick<T>(all: Iterable<T>): T | undefined {
    const list = [...all];
    return list[Math.floor(this.random() * list.length)];
  }

  get concurrentRequests(): number {
    return this.limits.concurrentRequests ?? Number.POSITIVE_INFINITY;
  }

  get running(): SimulatedGateway[] {
    return [...this.gateways.values()].filter(({ clock }) => !clock.hasEnded);
  }

  addEndpoint(concurrency: number): SimulatedEndpoint {
    const name = `x${this.endpoints.size}`;
    const endpoint: SimulatedEndpoint = { key: `${ORG}/${name}`, concurrency, replicas: new Map() };
    this.endpoints.set(endpoint.key, endpoint);
    for (const gateway of this.running) this.#register(gateway, endpoint);
    return endpoint;
  }

  addReplica(endpoint: SimulatedEndpoint): void {
    const id = `r${this.#replicas++}`;
    endpoint.replicas.set(id, {
      id,
      endpoint: endpoint.key,
      capacity: endpoint.concurrency,
      calls: 0,
    });
    this.#publishReplicas();
  }

  /** Lets gateways believe for a while that a replica is gone. */
  hideReplica(replica: SimulatedReplica, ms: number): void {
    this.#hidden.add(replica.id);
    this.#publishReplicas();
    this.time.after(ms, () => {
      this.#hidden.delete(replica.id);
      this.#publishReplicas();
    });
  }

  /** Stops a replica: calls in flight on it still end. */
  removeReplica(endpoint: SimulatedEndpoint, replica: SimulatedReplica): void {
    endpoint.replicas.delete(replica.id);
    this.#publishReplicas();
  }

  startGateway(name: string): void {
    const gateway = new SimulatedGateway(name, this.network, this.random, this.limits);
    this.gateways.set(name, gateway);
    for (const endpoint of this.endpoints.values()) this.#register(gateway, endpoint);
    const statuses = this.#statuses();
    gateway.receive(0, () => gateway.registry.observe(statuses));
    this.listGateways(0);
  }

  /** Ends a gateway and its calls at once. */
  crashGateway(gateway: SimulatedGateway): void {
    this.network.crash(gateway);
    for (const call of gateway.calls) call.lose();
    gateway.calls.clear();
    this.gateways.delete(gateway.name);
    this.listGateways(exponential(this.random, 100));
    this.checkGaps();
  }

  /** Ends a gateway that has no calls any more. */
  stopGateway(gateway: SimulatedGateway): void {
    gateway.isDraining = true;
    const wait = () => {
      if (gateway.clock.hasEnded) return;
      if (gateway.calls.size > 0) {
        this.time.after(20, wait);
        return;
      }
      gateway.group.stop();
      this.gateways.delete(gateway.name);
      this.time.after(5, () => this.network.crash(gateway));
      this.listGateways(1);
    };
    wait();
  }

  /** The control server lists the gateways for each of them. */
  listGateways(afterMs: number): void {
    this.time.after(afterMs, () => {
      if (this.isControlAway) return;
      const members = this.running.map(({ name, address }) => ({ name, address }));
      for (const gateway of this.running)
        gateway.receive(this.network.latency(), () => gateway.group.setContacts(members));
    });
  }

  call(gateway: SimulatedGateway, endpoint: SimulatedEndpoint, serviceMs: number): SimulatedCall {
    const call = gateway.call(endpoint.key, serviceMs, this);
    this.checkGaps();
    return call;
  }

  admitted(): void {
    this.counts.admitted++;
    this.#countByOneBucket();
    this.inProgress++;
    const limit = this.concurrentRequests;
    if (this.inProgress > limit && !this.mayExceed)
      this.fail(`${this.inProgress} calls of the organization are in progress; its limit is ${limit}`);
  }

  left(call: SimulatedCall): void {
    this.inProgress--;
    if (call.startedMs === undefined) this.checkGaps();
  }

  rejected(_: SimulatedCall, limit: string): void {
    if (limit === "requestsPerSecond") this.#countByOneBucket();
    this.counts.rejected.set(limit, (this.counts.rejected.get(limit) ?? 0) + 1);
  }

  started(call: SimulatedCall, id: string): void {
    const replica = this.endpoints.get(call.endpoint)?.replicas.get(id);
    this.counts.served++;
    if (replica) replica.calls++;
    if (replica && replica.calls > replica.capacity && !this.mayExceed)
      this.fail(`replica ${id} of ${call.endpoint} has ${replica.calls} calls; its concurrency is ${replica.capacity}`);
    this.checkGaps();
  }

  ended(call: SimulatedCall, id: string): void {
    const replica = this.endpoints.get(call.endpoint)?.replicas.get(id);
    if (replica) replica.calls--;
    this.time.after(0, () => this.checkGaps());
  }

  fail(problem: string): never {
    throw new InvariantError(`at ${(this.time.now - 1e9).toFixed(2)} ms: ${problem}`);
  }

  /** Calls that wait for a slot, of one endpoint or of all. */
  waiting(endpoint?: string): number {
    let sum = 0;
    for (const gateway of this.running)
      for (const served of gateway.registry.values())
        if (endpoint === undefined || served.key === endpoint) sum += served.waiting;
    return sum;
  }

  #countByOneBucket(): void {
    if (this.#bucket?.take(this.time.now) !== false) this.counts.admittedByOneBucket++;
  }

  #register(gateway: SimulatedGateway, { key, concurrency }: SimulatedEndpoint): void {
    const [org = "", endpoint = ""] = key.split("/");
    gateway.registry.put({
      org,
      endpoint,
      revision: "one",
      replicas: 1,
      maxReplicas: 100,
      scaler: "fixed",
      concurrency,
      timeoutMs: 60_000,
      cpuMillis: 100,
      memoryBytes: 1,
      bodyLimitBytes: 1,
    });
  }

  #statuses(): EndpointStatus[] {
    return [...this.endpoints.values()].map(({ key, replicas }) => {
      const [org = "", endpoint = ""] = key.split("/");
      const list = [...replicas.keys()]
        .filter((id) => !this.#hidden.has(id))
        .map((id) => ({ id, address: `unix:/nonexistent/${id}`, ready: true, revision: "one" }));
      return { org, endpoint, revision: "one", replicas: list };
    });
  }

  #publishReplicas(): void {
    const statuses = this.#statuses();
    for (const gateway of this.running)
      gateway.receive(this.network.latency(), () => gateway.registry.observe(statuses));
    this.time.after(0, () => this.checkGaps());
  }

  /**
   * Notes since when a call of an endpoint waits though one of its replicas has a free slot.
   * @throws InvariantError if that takes too long
   */
  checkGaps(): void {
    for (const { key, replicas, concurrency } of this.endpoints.values()) {
      let hasFree = false;
      for (const { id, calls } of replicas.values()) if (calls < concurrency && !this.#hidden.has(id)) hasFree = true;
      const began = this.#gapBegan.get(key);
      if (hasFree && this.waiting(key) > 0) {
        if (began === undefined) this.#gapBegan.set(key, this.time.now);
        else if (this.time.now - began > this.maxGapMs)
          this.fail(`a call of ${key} waits, and a replica has had a free slot for ${this.time.now - began} ms`);
      } else if (began !== undefined) {
        this.idleGaps.push(this.time.now - began);
        this.#gapBegan.delete(key);
      }
    }
  }
}
