import type { EndpointSpec } from "@faas/core";
import { exponential, type Random, seeded } from "@faas/testing";
import { type CallRecorder, SimulatedCall } from "../simulated-call.ts";
import { SimulatedNetwork } from "../simulated-network.ts";
import { InvariantError } from "../simulated-replicas.ts";
import { SimulatedTime } from "../simulated-time.ts";
import { LinkedGateway } from "./linked-gateway.ts";
import { CONTROL_ADDRESS, SimulatedControl } from "./simulated-control.ts";
import { type PlatformEndpoint, SimulatedPlatform } from "./simulated-platform.ts";

const IDLE_MS = 2_000;
/** Time with calls and faults. */
const LOAD_MS = 15_000;
/** Time until gateways know what has changed on the platform. */
const INFORMED_MS = 500;
/** Longest time for which a call may wait for a replica: until a lost link is noticed, and a replica has started. */
const MAX_WAIT_MS = 8_000;

/** A control server, gateways, a platform and calls; checks invariants. */
class ControlWorld implements CallRecorder {
  readonly random: Random;
  readonly time = new SimulatedTime();
  readonly network: SimulatedNetwork;
  readonly platform: SimulatedPlatform;
  readonly specs: EndpointSpec[] = [];
  readonly gateways = new Map<string, LinkedGateway>();
  control: SimulatedControl | undefined;
  served = 0;
  /** Since when nothing kept a call from being served, apart from the control server. */
  reachableSinceMs = 0;
  #instances = 0;

  constructor(seed: number) {
    this.random = seeded(seed);
    this.network = new SimulatedNetwork(this.time, this.random);
    this.platform = new SimulatedPlatform(this.time, () => 20 + this.random() * 400);
    this.reachableSinceMs = this.time.now;
  }

  get running(): LinkedGateway[] {
    return [...this.gateways.values()];
  }

  pick<T>(all: readonly T[]): T | undefined {
    return all[Math.floor(this.random() * all.length)];
  }

  startControl(): void {
    this.control ??= new SimulatedControl(`i${this.#instances++}`, this.network, this.platform, this.specs);
  }

  /** Informs the control server which gateways run, as the platform does. */
  reportPresence(): void {
    if (this.control && !this.platform.isUnreachable) {
      const { group } = this.control;
      for (const { name, address } of this.gateways.values()) group.expect(name, address);
      for (const { name, state } of group.list()) if (state === "lost" && !this.gateways.has(name)) group.gone(name);
    }
    this.time.after(100, () => this.reportPresence());
  }

  crashControl(): void {
    this.control?.crash();
    this.control = undefined;
  }

  call(gateway: LinkedGateway, key: string, serviceMs: number): SimulatedCall {
    const call = new SimulatedCall(gateway, key, serviceMs, this);
    gateway.calls.add(call);
    gateway.clock.input(() => call.begin());
    return call;
  }

  started(call: SimulatedCall, id: string): void {
    this.served++;
    const pod = this.platform.pod(call.endpoint, id);
    if (pod === undefined || pod.isClosed) {
      // Without the platform and the control server, a gateway notices it only when it connects, and tries another one.
      const isInformed = !this.platform.isUnreachable && this.time.now - this.reachableSinceMs > INFORMED_MS;
      if (isInformed) this.fail(`a call of ${call.endpoint} was sent to ${id}, which has ended`);
      return;
    }
    if (++pod.calls > 2) this.fail(`${id} of ${call.endpoint} has ${pod.calls} calls; its concurrency is 2`);
  }

  ended(call: SimulatedCall, id: string): void {
    const pod = this.platform.pod(call.endpoint, id);
    if (pod) pod.calls--;
  }

  admitted(): void {}

  left(): void {}

  rejected(call: SimulatedCall, limit: string): void {
    this.fail(`a call of ${call.endpoint} was rejected: ${limit}`);
  }

  /** Checks that no call waits too long while it could be served. */
  checkWaiting(): void {
    for (const { name, calls } of this.gateways.values()) {
      for (const call of calls) {
        if (call.startedMs !== undefined || this.#isBusy(call.endpoint)) continue;
        const waited = this.time.now - Math.max(call.beganMs, this.reachableSinceMs);
        if (waited > MAX_WAIT_MS) this.fail(`a call of ${call.endpoint} at ${name} has waited for ${waited} ms`);
      }
    }
  }

  /** Tells whether all replicas of an endpoint have as many calls as they can have; without the control server there will be no more of them. */
  #isBusy(key: string): boolean {
    const ready = [...(this.platform.endpoints.get(key)?.pods.values() ?? [])].filter(({ state }) => state === "ready");
    return ready.length > 0 && ready.every(({ calls }) => calls >= 2);
  }

  /** Checks that an endpoint with calls keeps a replica. */
  checkNotIdle({ key, desired }: PlatformEndpoint, before: number): void {
    if (desired > 0 || before === 0) return;
    // The latest calls may not have been reported.
    for (const { name, calls } of this.gateways.values())
      for (const call of calls)
        if (call.endpoint === key && call.startedMs !== undefined && this.time.now - call.startedMs > IDLE_MS)
          this.fail(`${key} was taken for idle while a call was in flight at ${name}`);
  }

  fail(problem: string): never {
    throw new InvariantError(`at ${(this.time.now - 1e9).toFixed(2)} ms: ${problem}`);
  }
}

/**
 * Simulates a control server and its gateways: cold starts, idle endpoints, and faults of everything. All of it follows from the seed.
 * @throws InvariantError
 */
export async function simulateControl(seed: number): Promise<number> {
  const world = new ControlWorld(seed);
  // Some parts look at the clock of the system.
  const clock = { dateNow: Date.now, performanceNow: performance.now };
  Date.now = () => Math.floor(world.time.now);
  performance.now = () => world.time.now;
  try {
    await run(world);
    return world.served;
  } finally {
    // Its timers would run when the simulation is over.
    world.crashControl();
    Date.now = clock.dateNow;
    performance.now = clock.performanceNow;
  }
}

async function run(world: ControlWorld): Promise<void> {
  const { random, time, platform } = world;
  for (let index = 0; index < 3; index++) {
    world.specs.push(specOf(`x${index}`));
    platform.add(`acme/x${index}`);
  }
  world.startControl();
  world.reportPresence();
  for (let index = 0; index < 1 + Math.floor(random() * 3); index++) startGateway(world, `g${index}`);
  const began = time.now;
  for (const key of platform.endpoints.keys()) load(world, key, began + 500, began + LOAD_MS);
  watchDesired(world);
  breakThings(world, began + 500, began + LOAD_MS);
  await runUntil(world, began + LOAD_MS);
  world.network.healAll();
  platform.isUnreachable = false;
  world.reachableSinceMs = time.now;
  world.startControl();
  // A control server that has just started waits for gateways that it has not seen.
  await runUntil(world, time.now + MAX_WAIT_MS + 6_000 + 3 * IDLE_MS);
  for (const { name, calls, view } of world.running) {
    if (calls.size > 0) world.fail(`${calls.size} calls have not ended at ${name}`);
    if (view.state.link !== "linked") world.fail(`${name} is not linked`);
  }
  for (const { key, pods } of platform.endpoints.values())
    if (pods.size > 0) world.fail(`${key} has ${pods.size} replicas long after its last call`);
}

/** Runs the events, and after each what waits for its promises. */
async function runUntil(world: ControlWorld, untilMs: number): Promise<void> {
  while (world.time.runNext(untilMs)) {
    world.checkWaiting();
    await settlePromises();
  }
}

async function settlePromises(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await undefined;
}

function startGateway(world: ControlWorld, name: string): void {
  world.gateways.set(name, new LinkedGateway(name, world.network, world.platform, world.random));
}

function specOf(endpoint: string): EndpointSpec {
  return {
    ...{ org: "acme", endpoint, revision: "one", artifact: { kind: "bundle", digest: "" }, runtime: "node" },
    ...{ replicas: 0, maxReplicas: 4, scaler: "concurrency", concurrency: 2, idleTimeoutMs: IDLE_MS },
    ...{ timeoutMs: 60_000, cpuMillis: 100, memoryBytes: 1, bodyLimitBytes: 1, egress: "open", env: {} },
  } as EndpointSpec;
}

/** Sends calls in bursts, with pauses in which the endpoint becomes idle, and now and then a call that takes long. */
function load(world: ControlWorld, key: string, fromMs: number, untilMs: number): void {
  const { random, time } = world;
  const next = () => {
    if (time.now >= untilMs) return;
    // A load balancer sends calls to gateways that are ready.
    const ready = world.running.filter(({ view, group }) => view.state.complete && group.joined);
    const gateway = world.pick(ready);
    if (gateway) world.call(gateway, key, random() < 0.05 ? 4_000 : exponential(random, 30));
    const isPause = random() < 0.03;
    time.after(exponential(random, isPause ? 2 * IDLE_MS : 60), next);
  };
  time.after(fromMs - time.now, next);
}

function watchDesired(world: ControlWorld): void {
  const before = new Map<string, number>();
  world.platform.watch(() => {
    for (const endpoint of world.platform.endpoints.values()) {
      world.checkNotIdle(endpoint, before.get(endpoint.key) ?? 0);
      before.set(endpoint.key, endpoint.desired);
    }
  });
}

function breakThings(world: ControlWorld, fromMs: number, untilMs: number): void {
  const { random, time, network, platform } = world;
  let started = 100;
  const actions: (() => void)[] = [
    () => {
      world.crashControl();
      time.after(exponential(random, 3_000), () => world.startControl());
    },
    () => {
      const gateway = world.running.length > 1 ? world.pick(world.running) : undefined;
      if (gateway === undefined) return;
      gateway.crash();
      world.gateways.delete(gateway.name);
      time.after(exponential(random, 500), () => startGateway(world, `g${started++}`));
    },
    () => network.breakConnections(0.5),
    () => {
      const gateway = world.pick(world.running);
      if (gateway) network.cut(gateway.address, CONTROL_ADDRESS);
      time.after(exponential(random, 3_000), () => network.healAll());
    },
    () => {
      platform.isUnreachable = true;
      time.after(exponential(random, 1_000), () => {
        platform.isUnreachable = false;
        world.reachableSinceMs = time.now;
      });
    },
    () => {
      network.slowness = 20;
      time.after(exponential(random, 200), () => {
        network.slowness = 1;
      });
    },
  ];
  const next = () => {
    if (time.now >= untilMs) return;
    world.pick(actions)?.();
    time.after(exponential(random, 1_500), next);
  };
  time.after(fromMs - time.now + exponential(random, 1_500), next);
}
