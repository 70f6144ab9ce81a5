import { type EndpointSpec, limitNumbers } from "@faas/core";
import { PROTOCOL_VERSION } from "@faas/gateway";
import { EndpointRegistry } from "../../../packages/gateway/src/endpoints/registry.ts";
import type { LinkConnection, LinkHandlers } from "../../../packages/gateway/src/protocol/link.ts";
import { Autoscaler } from "../../../packages/server/src/autoscaler/loop.ts";
import { GatewayGroup } from "../../../packages/server/src/gateways/group.ts";
import { Publisher } from "../../../packages/server/src/gateways/publisher.ts";
import { StatusMessages } from "../../../packages/server/src/gateways/state-messages.ts";
import type { NetworkHost, SimulatedNetwork } from "../simulated-network.ts";
import { ProcessClock } from "../simulated-time.ts";
import type { SimulatedPlatform } from "./simulated-platform.ts";

export const CONTROL_ADDRESS = "control";
const SAMPLE_MS = 100;
const log = { debug() {}, info() {}, warn() {}, error() {} };

/** A control server: the real registry, autoscaler, publisher and sessions of gateways, in a simulated process. */
export class SimulatedControl implements NetworkHost {
  readonly address = CONTROL_ADDRESS;
  readonly clock: ProcessClock;
  readonly registry: EndpointRegistry<EndpointSpec>;
  readonly group: GatewayGroup;
  readonly #network: SimulatedNetwork;
  readonly #platform: SimulatedPlatform;
  readonly #autoscaler: Autoscaler;
  readonly #unwatch: () => void;
  #isObserved = false;

  /** @param instance differs between two starts */
  constructor(
    instance: string,
    network: SimulatedNetwork,
    platform: SimulatedPlatform,
    specs: readonly EndpointSpec[],
  ) {
    this.#network = network;
    this.#platform = platform;
    const clock = new ProcessClock(network.time);
    this.clock = clock;
    this.registry = new EndpointRegistry<EndpointSpec>({
      platform: {
        scale: ({ org, endpoint }, replicas) => this.#scale(`${org}/${endpoint}`, replicas),
      },
      log,
      now: () => network.time.now,
      timers: clock,
      onSpec: (endpoint) => this.group?.specChanged(endpoint),
      onStatus: (endpoint) => this.group?.statusChanged(endpoint),
      onRejected: (endpoint, error) => this.group?.wakeFailed(endpoint, error),
      onRemoved: (endpoint) => this.group?.endpointRemoved(endpoint),
    });
    const { registry } = this;
    const statuses = new StatusMessages(instance, ({ address }) => address);
    this.group = new GatewayGroup({
      ...{ registry, log, clock },
      now: () => network.time.now,
      hello: {
        ...{ type: "hello", protocol: PROTOCOL_VERSION, version: "1", instance },
        ...{ platform: "kubernetes", requiresKeys: false },
      },
      notReady: () => undefined,
      outliveServer: true,
      reports: { onReport() {} },
      publisher: (broadcast) =>
        new Publisher({
          ...{ registry, statuses, broadcast, clock },
          orgs: () => ["acme"],
          limitsOf: () => limitNumbers({}),
          keys: () => [],
          keyOf: () => undefined,
        }),
    });
    for (const spec of specs) registry.put(spec);
    this.#autoscaler = new Autoscaler({
      registry,
      now: () => network.time.now,
      mayHaveUnseenCalls: () => this.group.mayHaveUnseenCalls,
    });
    const sample = () => {
      this.#autoscaler.sample();
      clock.after(SAMPLE_MS, sample);
    };
    clock.after(SAMPLE_MS, sample);
    this.#unwatch = platform.watch(() => this.#observe());
    this.#observe();
    network.listen(this);
  }

  accept(connection: LinkConnection): LinkHandlers {
    return this.group.accept(connection);
  }

  /** Ends the process. */
  crash(): void {
    this.#unwatch();
    this.#autoscaler[Symbol.dispose]();
    this.#network.crash(this);
  }

  /** Takes over what the platform reports, a moment later, or when it can be reached. */
  #observe(): void {
    this.clock.after(this.#network.latency(), () => {
      if (this.#platform.isUnreachable) {
        this.clock.after(100, () => this.#observe());
        return;
      }
      this.registry.observe(this.#platform.statuses());
      if (!this.#isObserved) this.group.onFirstList();
      this.#isObserved = true;
    });
  }

  #scale(key: string, replicas: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.clock.after(2 * this.#network.latency(), () => {
        if (this.#platform.isUnreachable) reject(new Error("the platform cannot be reached"));
        else {
          this.#platform.scale(key, replicas);
          resolve();
        }
      });
    });
  }
}
