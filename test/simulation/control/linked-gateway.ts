import type { Random } from "@faas/testing";
import type { EndpointRegistry } from "../../../packages/gateway/src/endpoints/registry.ts";
import { PeerGroup } from "../../../packages/gateway/src/peers/peer-group.ts";
import type { LinkConnection, LinkHandlers } from "../../../packages/gateway/src/protocol/link.ts";
import { ViewClient } from "../../../packages/gateway/src/view/view-client.ts";
import type { CallHost, SimulatedCall } from "../simulated-call.ts";
import type { NetworkHost, SimulatedNetwork } from "../simulated-network.ts";
import { ProcessClock, type SimulatedTime } from "../simulated-time.ts";
import { CONTROL_ADDRESS } from "./simulated-control.ts";
import type { SimulatedPlatform } from "./simulated-platform.ts";

const log = { debug() {}, info() {}, warn() {}, error() {} };

/** A gateway that is linked to a control server, and watches the platform: the real view, group and registry, in a simulated process. */
export class LinkedGateway implements NetworkHost, CallHost {
  readonly name: string;
  readonly address: string;
  readonly time: SimulatedTime;
  readonly clock: ProcessClock;
  readonly view: ViewClient;
  readonly group: PeerGroup;
  readonly calls = new Set<SimulatedCall>();
  readonly #network: SimulatedNetwork;
  readonly #platform: SimulatedPlatform;
  readonly #unwatch: () => void;

  constructor(name: string, network: SimulatedNetwork, platform: SimulatedPlatform, random: Random) {
    this.name = name;
    this.address = name;
    this.time = network.time;
    const clock = new ProcessClock(network.time);
    this.clock = clock;
    this.#network = network;
    this.#platform = platform;
    const group = new PeerGroup({
      ...{ name, address: name, clock, random, log },
      transport: {
        connect: (address, onOpen, onFailed) => network.connect(this, address, onOpen, onFailed),
      },
      defer: (run) => clock.after(0.02, run),
      orgOf: (org) => this.registry.org(org),
    });
    this.group = group;
    this.view = new ViewClient({
      identity: { name, version: "1", pid: 1, peerAddress: name },
      ...{ clock, random, log },
      transport: { connect: (onOpen, onFailed) => network.connect(this, CONTROL_ADDRESS, onOpen, onFailed) },
      sharing: group.sharing,
      onMembers: (members, isPartial) => group.setContacts(members, isPartial),
      wakeDirectly: ({ key }, replicas) => this.#wakeDirectly(key, replicas),
    });
    network.listen(this);
    this.view.start();
    this.#unwatch = platform.watch(() => this.#observe());
    this.#observe();
  }

  get registry(): EndpointRegistry {
    return this.view.registry;
  }

  accept(connection: LinkConnection): LinkHandlers {
    return this.group.accept(connection);
  }

  /** Ends the process, and its calls. */
  crash(): void {
    this.#unwatch();
    this.#network.crash(this);
    for (const call of this.calls) call.lose();
    this.calls.clear();
  }

  /** Takes over what the platform reports, a moment later, or when it can be reached. */
  #observe(): void {
    this.clock.after(5 * this.#network.latency(), () => {
      if (this.#platform.isUnreachable) {
        this.clock.after(100, () => this.#observe());
        return;
      }
      for (const key of this.#platform.endpoints.keys()) this.view.setPlatformReplicas(key, this.#platform.slices(key));
    });
  }

  #wakeDirectly(key: string, replicas: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.clock.after(2 * this.#network.latency(), () => {
        if (this.#platform.isUnreachable) reject(new Error("the platform cannot be reached"));
        else {
          this.#platform.wake(key, replicas);
          resolve();
        }
      });
    });
  }
}
