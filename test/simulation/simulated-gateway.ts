import { limitNumbers } from "@faas/core";
import type { Random } from "@faas/testing";
import { EndpointRegistry } from "../../packages/gateway/src/endpoints/registry.ts";
import { PeerGroup } from "../../packages/gateway/src/peers/peer-group.ts";
import type { LinkConnection, LinkHandlers } from "../../packages/gateway/src/protocol/link.ts";
import { type CallRecorder, SimulatedCall } from "./simulated-call.ts";
import type { NetworkHost, SimulatedNetwork } from "./simulated-network.ts";
import { ProcessClock, type SimulatedTime } from "./simulated-time.ts";

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
