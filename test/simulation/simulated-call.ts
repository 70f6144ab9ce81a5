import type { OrganizationRuntime } from "../../packages/gateway/src/endpoints/organization-runtime.ts";
import type { EndpointRegistry } from "../../packages/gateway/src/endpoints/registry.ts";
import type { ServedEndpoint } from "../../packages/gateway/src/endpoints/served-endpoint.ts";
import type { ServedReplica } from "../../packages/gateway/src/endpoints/served-replica.ts";
import type { Waiter } from "../../packages/gateway/src/endpoints/wait-queue.ts";
import type { AdmissionCall } from "../../packages/gateway/src/limits/admission-queue.ts";
import type { ProcessClock, SimulatedTime } from "./simulated-time.ts";

/** A gateway that calls are made at. */
export interface CallHost {
  readonly time: SimulatedTime;
  readonly clock: ProcessClock;
  readonly registry: EndpointRegistry;
  /** Calls that have not ended. */
  readonly calls: Set<SimulatedCall>;
}

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

/** A call at a gateway, through the same steps as an exchange: admission, queue, replica. */
export class SimulatedCall implements Waiter, AdmissionCall {
  previous: Waiter | undefined;
  next: Waiter | undefined;
  readonly gateway: CallHost;
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

  constructor(gateway: CallHost, endpoint: string, serviceMs: number, recorder: CallRecorder) {
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
    this.#activate(this.#served as ServedEndpoint);
  }

  #activate(served: ServedEndpoint): void {
    const replica = served.acquire();
    if (replica === undefined) {
      this.#isQueued = true;
      served.wait(this);
    }
    if (served.desired === 0) this.gateway.registry.wake(served);
    if (replica) this.#run(replica);
    else served.assignSlots();
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
