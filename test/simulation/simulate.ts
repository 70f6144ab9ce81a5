import type { Limits } from "@faas/core";
import { exponential } from "@faas/testing";
import type { SimulatedGateway } from "./simulated-gateway.ts";
import { type SimulatedEndpoint, World } from "./world.ts";

/** Kinds of faults: `none`; `crash`: gateways end and start, connections break, the control server is unavailable; `silence`: gateways stand still or are cut off. */
export type Faults = "none" | "crash" | "silence";

export interface SimulationResult {
  readonly served: number;
  readonly rejected: number;
  /** 99th percentile of the times for which a call waited though a replica was free, in milliseconds. */
  readonly gapP99Ms: number;
  readonly gapMaxMs: number;
}

const CONCURRENCIES = [1, 1, 1, 2, 3, 7, 40];
/** Time with calls and faults. */
const LOAD_MS = 4_000;
/** Time in which everything settles afterwards. */
const SETTLE_MS = 8_000;
/** Longest time for which a call may wait while a replica has a free slot: that of a few messages, or until a gateway is taken for gone. */
const MAX_GAP_MS = { none: 50, crash: 4_500, silence: 12_000 };
/** Time in which a gateway must get all slots of a replica that nobody else uses. */
const COLLECT_MS = 200;

/**
 * Runs one simulation: everything in it follows from the seed.
 * @throws InvariantError
 */
export function simulate(seed: number, faults: Faults): SimulationResult {
  const world = new World(seed, limitsOf(seed));
  world.maxGapMs = MAX_GAP_MS[faults];
  world.mayExceed = faults === "silence";
  world.network.meanLatencyMs = 0.1 + world.random();
  const gateways = world.draw(1, 4);
  for (let index = 0; index < gateways; index++) world.startGateway(`g${index}`);
  const endpoints = Array.from({ length: world.draw(1, 3) }, () => {
    const endpoint = world.addEndpoint(CONCURRENCIES[world.draw(0, CONCURRENCIES.length - 1)] as number);
    for (let replicas = world.draw(1, 3); replicas > 0; replicas--) world.addReplica(endpoint);
    return endpoint;
  });
  const began = world.time.now;
  for (const endpoint of endpoints) load(world, endpoint, began + LOAD_MS);
  changeReplicas(world, endpoints, began + LOAD_MS);
  if (faults !== "none") breakThings(world, faults, began + LOAD_MS);
  world.time.runUntil(began + LOAD_MS);
  if (faults !== "silence") checkRate(world, faults);
  world.network.healAll();
  for (const gateway of world.running) gateway.clock.resume();
  world.isControlAway = false;
  world.listGateways(0);
  world.time.runUntil(began + LOAD_MS + SETTLE_MS);
  checkSettled(world);
  world.mayExceed = false;
  if (world.limits.requestsPerSecond === undefined)
    for (const endpoint of endpoints) for (const gateway of world.running) collectAll(world, gateway, endpoint);
  const gaps = world.idleGaps.toSorted((one, other) => one - other);
  return {
    served: world.counts.served,
    rejected: [...world.counts.rejected.values()].reduce((sum, count) => sum + count, 0),
    gapP99Ms: gaps[Math.floor(gaps.length * 0.99)] ?? 0,
    gapMaxMs: gaps.at(-1) ?? 0,
  };
}

/** Some simulations have a limit on concurrent requests that matters, others one on requests per second. */
function limitsOf(seed: number): Limits {
  if (seed % 3 === 0) return { concurrentRequests: 2 + (seed % 17) };
  return seed % 7 === 1 ? { requestsPerSecond: 100 + (seed % 5) * 100, burst: 20 + (seed % 100) } : {};
}

/** Sends calls to an endpoint, with a rate, a duration and preferred gateways that change. */
function load(world: World, endpoint: SimulatedEndpoint, untilMs: number): void {
  const capacity = Math.max(1, endpoint.replicas.size) * endpoint.concurrency;
  const serviceMs = [0.5, 3, 20, 200][world.draw(0, 3)] as number;
  let utilization = 1;
  let favorite: SimulatedGateway | undefined;
  const change = () => {
    utilization = [0.1, 0.5, 0.95, 1.3][world.draw(0, 3)] as number;
    favorite = world.random() < 0.5 ? world.pick(world.running) : undefined;
    if (world.time.now < untilMs) world.time.after(exponential(world.random, 400), change);
  };
  change();
  const next = () => {
    if (world.time.now >= untilMs) return;
    const isFavored = favorite && !favorite.clock.hasEnded && !favorite.isDraining && world.random() < 0.9;
    const gateway = isFavored ? favorite : world.pick(world.running.filter(({ isDraining }) => !isDraining));
    if (gateway) {
      const call = world.call(gateway, endpoint, exponential(world.random, serviceMs));
      if (world.random() < 0.02) world.time.after(exponential(world.random, 30), () => call.abandon());
    }
    // A simulation of many short calls would take long, and find nothing more.
    world.time.after(Math.max(0.7, exponential(world.random, serviceMs / capacity / utilization)), next);
  };
  next();
}

/** Starts and stops replicas. */
function changeReplicas(world: World, endpoints: readonly SimulatedEndpoint[], untilMs: number): void {
  const next = () => {
    if (world.time.now >= untilMs) return;
    const endpoint = world.pick(endpoints);
    if (endpoint) {
      const replica = world.pick(endpoint.replicas.values());
      if (replica && world.random() < 0.5 && endpoint.replicas.size > 1) world.removeReplica(endpoint, replica);
      else if (replica && world.random() < 0.3) world.hideReplica(replica, exponential(world.random, 10));
      else if (endpoint.replicas.size < 5) world.addReplica(endpoint);
    }
    world.time.after(exponential(world.random, 700), next);
  };
  world.time.after(exponential(world.random, 700), next);
}

function breakThings(world: World, faults: Faults, untilMs: number): void {
  let started = 100;
  const crash = () => {
    const gateway = world.running.length > 1 ? world.pick(world.running) : undefined;
    if (gateway) world.crashGateway(gateway);
    // Another one takes its place, with its name or a new one, once the control server is there.
    const name = gateway && world.random() < 0.5 ? gateway.name : `g${started++}`;
    const restart = () => {
      if (world.isControlAway) world.time.after(50, restart);
      else if (!world.gateways.has(name)) world.startGateway(name);
    };
    world.time.after(exponential(world.random, 300), restart);
  };
  const actions: (() => void)[] = [
    crash,
    () => world.network.breakConnections(0.5),
    () => {
      const gateway = world.running.length > 1 ? world.pick(world.running) : undefined;
      if (gateway) world.stopGateway(gateway);
    },
    () => {
      if (world.running.length < 5 && !world.isControlAway) world.startGateway(`g${started++}`);
    },
    () => {
      world.isControlAway = true;
      world.time.after(exponential(world.random, 500), () => {
        world.isControlAway = false;
        world.listGateways(0);
      });
    },
    () => {
      world.network.slowness = 20;
      world.time.after(exponential(world.random, 100), () => {
        world.network.slowness = 1;
      });
    },
  ];
  if (faults === "silence") {
    actions.push(
      () => {
        const gateway = world.pick(world.running);
        gateway?.clock.pause();
        world.time.after(exponential(world.random, 1_500), () => gateway?.clock.resume());
      },
      () => {
        const [one, other] = [world.pick(world.running), world.pick(world.running)];
        if (one && other && one !== other) world.network.cut(one.address, other.address);
        world.time.after(exponential(world.random, 2_000), () => world.network.healAll());
      },
    );
  }
  const next = () => {
    if (world.time.now >= untilMs) return;
    world.pick(actions)?.();
    world.time.after(exponential(world.random, 400), next);
  };
  world.time.after(exponential(world.random, 400), next);
}

/** All gateways together admit as many calls as one bucket does. */
function checkRate(world: World, faults: Faults): void {
  const { admitted, admittedByOneBucket } = world.counts;
  // A gateway that crashes takes reports with it, and one that starts may not know all of them.
  const tolerance = faults === "none" ? 0.05 : 0.1;
  if (Math.abs(admitted - admittedByOneBucket) > tolerance * admittedByOneBucket + 1)
    world.fail(`${admitted} calls were admitted; one bucket admits ${admittedByOneBucket}`);
}

/** Without faults, no call waits next to a free replica, and none is counted that has ended. */
function checkSettled(world: World): void {
  world.maxGapMs = MAX_GAP_MS.none;
  world.checkGaps();
  for (const gateway of world.running) for (const call of gateway.calls) call.abandon();
  world.time.runUntil(world.time.now + COLLECT_MS);
  if (world.waiting() > 0) world.fail(`${world.waiting()} calls still wait after they were abandoned`);
  if (world.inProgress !== 0) world.fail(`${world.inProgress} calls are still in progress`);
  for (const { name, group } of world.running)
    if (!group.joined) world.fail(`gateway ${name} has not joined the group`);
}

/** No slot is lost: a gateway gets all slots of an endpoint when no other one needs them. */
function collectAll(world: World, gateway: SimulatedGateway, endpoint: SimulatedEndpoint): void {
  const total = Math.min(endpoint.replicas.size * endpoint.concurrency, world.concurrentRequests);
  const calls = Array.from({ length: total }, () => world.call(gateway, endpoint, 10 * COLLECT_MS));
  world.time.runUntil(world.time.now + COLLECT_MS);
  const started = calls.filter(({ startedMs }) => startedMs !== undefined).length;
  if (started < total) world.fail(`gateway ${gateway.name} got ${started} of ${total} slots of ${endpoint.key}`);
  for (const call of calls) call.abandon();
  world.time.runUntil(world.time.now + COLLECT_MS);
}
