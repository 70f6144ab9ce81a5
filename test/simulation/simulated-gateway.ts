import { limitNumbers } from "@faas/core";
import type { Random } from "@faas/testing";
import type { OrganizationRuntime } from "../../packages/gateway/src/endpoints/organization-runtime.ts";
import { EndpointRegistry } from "../../packages/gateway/src/endpoints/registry.ts";
import type { ServedEndpoint } from "../../packages/gateway/src/endpoints/served-endpoint.ts";
import type { ServedReplica } from "../../packages/gateway/src/endpoints/served-replica.ts";
import type { Waiter } from "../../packages/gateway/src/endpoints/wait-queue.ts";
import type { AdmissionCall } from "../../packages/gateway/src/limits/admission-queue.ts";
import { PeerGroup } from "../../packages/gateway/src/peers/peer-group.ts";
import type { LinkConnection, LinkHandlers } from "../../packages/gateway/src/protocol/link.ts";
import type { NetworkHost, SimulatedNetwork } from "./simulated-network.ts";
import { ProcessClock, type SimulatedTime } from "./simulated-time.ts";

/** Receiver of what calls do outside of gateways: they run on replicas, and end. */
export interface CallRecorder {
  started(call: SimulatedCall, replica: string): void;
  ended(call: SimulatedCall, replica: string): void;
  /** Called for a call that was not admitted, because of a limit. */
  rejected(call: SimulatedCall, limit: string): void;
  admitted(call: SimulatedCall): void;
  /** Called for an admitted call that ended. */
  left(call: SimulatedCall): void;
}

/** A gateway: the real group, registry and queues, in a simulated process. */
export class SimulatedGateway implements NetworkHost {
  readonly name: string;
  readonly address: string;
  readonly time: SimulatedTime;
  readonly clock: ProcessClock;
  readonly registry: EndpointRegistry;
  readonly group: PeerGroup;
  readonly calls = new Set<SimulatedCall>();
  /** Time of the latest message of the control server. */
  #receivedMs = 0;
  /** True if it gets no new calls. */
  isDraining = false;

  constructor(name: string, network: SimulatedNetwork, random: Random, limits: Parameters<typeof limitNumbers>[0]) {
    this.name = name;
    this.address = name;
    this.time = network.time;
    this.clock = new ProcessClock(network.time);
    const log = { info() {}, warn() {} };
    this.group = new PeerGroup({
      name,
      address: name,
      transport: {
        connect: (address, onOpen, onFailed) => network.connect(this, address, onOpen, onFailed),
      },
      clock: this.clock,
      defer: (run) => this.clock.after(0.02, run),
      random,
      orgOf: (org) => this.registry.org(org),
      log,
    });
    this.registry = new EndpointRegistry({
      platform: { scale: async () => {} },
      log,
      limitsOf: () => limitNumbers(limits),
      now: () => this.clock.now(),
      timers: this.clock,
      sharing: this.group.sharing,
    });
    network.listen(this);
  }

  accept(connection: LinkConnection): LinkHandlers {
    return this.group.accept(connection);
  }

  /** Takes a message of the control server, after all that it sent before. */
  receive(latencyMs: number, run: () => void): void {
    this.#receivedMs = Math.max(this.#receivedMs, this.time.now + latencyMs);
    this.time.after(this.#receivedMs - this.time.now, () => this.clock.input(run));
  }

  /** Begins a call. */
  call(endpoint: string, serviceMs: number, recorder: CallRecorder): SimulatedCall {
    const call = new SimulatedCall(this, endpoint, serviceMs, recorder);
    this.calls.add(call);
    this.clock.input(() => call.begin());
    return call;
  }
}

/** A call at a gateway, through the same steps as an exchange: admission, queue, replica. */
export class SimulatedCall implements Waiter, AdmissionCall {
  previous: Waiter | undefined;
  next: Waiter | undefined;
  readonly gateway: SimulatedGateway;
  readonly endpoint: string;
  readonly serviceMs: number;
  readonly beganMs: number;
  finished = false;
  /** When it got a slot. */
  startedMs: number | undefined;
  replica: string | undefined;
  admittedAt: OrganizationRuntime | undefined;
  readonly #recorder: CallRecorder;
  #served: ServedEndpoint | undefined;
  #isQueued = false;
  #endService: (() => void) | undefined;

  constructor(gateway: SimulatedGateway, endpoint: string, serviceMs: number, recorder: CallRecorder) {
    this.gateway = gateway;
    this.endpoint = endpoint;
    this.serviceMs = serviceMs;
    this.#recorder = recorder;
    this.beganMs = gateway.clock.now();
  }

  begin(): void {
    if (this.finished) return;
    this.#served = this.gateway.registry.get(this.endpoint);
    if (this.#served === undefined) this.#end();
    else this.#enter(this.#served.org, true);
  }

  onOrganizationSlot(): void {
    if (this.#served) this.#enter(this.#served.org, false);
  }

  onOrganizationFull(): void {
    this.#recorder.rejected(this, "concurrentRequests");
    this.#end();
  }

  onSlot(replica: ServedReplica): void {
    this.#isQueued = false;
    this.#run(replica);
  }

  onRejected(): void {
    this.#isQueued = false;
    this.#end();
  }

  /** The client disconnects. */
  abandon(): void {
    this.gateway.clock.input(() => {
      if (this.finished) return;
      if (this.#isQueued) this.#served?.stopWaiting(this);
      this.#isQueued = false;
      if (this.#endService) this.#endService();
      else this.#end();
    });
  }

  /** Its gateway is gone. */
  lose(): void {
    if (this.finished) return;
    this.finished = true;
    if (this.replica !== undefined) this.#recorder.ended(this, this.replica);
    this.replica = undefined;
    if (this.admittedAt) this.#recorder.left(this);
  }

  #enter(org: OrganizationRuntime, mayWait: boolean): void {
    const exceeded = org.enter(this.gateway.clock.now());
    if (exceeded !== undefined) {
      if (mayWait && exceeded.limit === "concurrentRequests" && org.waitToEnter(this)) return;
      this.#recorder.rejected(this, exceeded.limit);
      this.#end();
      return;
    }
    this.admittedAt = org;
    this.#recorder.admitted(this);
    const replica = this.#served?.acquire();
    if (replica) this.#run(replica);
    else {
      this.#isQueued = true;
      this.#served?.wait(this);
    }
  }

  #run(replica: ServedReplica): void {
    this.replica = replica.id;
    this.startedMs = this.gateway.clock.now();
    this.#recorder.started(this, replica.id);
    let isOver = false;
    const end = () => {
      if (isOver || this.finished) return;
      isOver = true;
      // The replica is done now; the gateway notices it when it runs.
      if (this.replica !== undefined) this.#recorder.ended(this, this.replica);
      this.replica = undefined;
      this.gateway.clock.input(() => {
        if (this.finished) return;
        this.finished = true;
        this.gateway.calls.delete(this);
        if (this.admittedAt) this.#recorder.left(this);
        this.#served?.release(replica, this.gateway.clock.now());
        this.admittedAt?.leave();
      });
    };
    this.#endService = end;
    this.gateway.time.after(this.serviceMs, end);
  }

  #end(): void {
    if (this.finished) return;
    this.finished = true;
    this.gateway.calls.delete(this);
    if (this.admittedAt === undefined) return;
    this.#recorder.left(this);
    this.admittedAt.leave();
  }
}
