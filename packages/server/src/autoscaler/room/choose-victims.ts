import type { LackingRoom, NodeResource, ReservedOnNode } from "@faas/core";

/** Replicas that nobody calls, and that an endpoint can do without. */
export interface Offer {
  /** Number of replicas that the endpoint keeps: none, or as many as its settings say. */
  readonly keep: number;
  /** Time since the endpoint's last request. */
  readonly idleMs: number;
  /** Resources of the replicas that end. */
  readonly frees: readonly ReservedOnNode[];
}

/** Resources that one replica needs, of those that nodes have too little of. */
export type RoomNeed = Pick<LackingRoom, "each" | "resources">;

/** Offers that make room on one node. */
interface Plan<T> {
  readonly victims: readonly T[];
  /** Part of the need that they meet: 1 is all of it. */
  readonly met: number;
  /** Position of the last victim among all offers. */
  readonly rank: number;
}

/**
 * Chooses the replicas that give way to one that finds no room. They are on one node, because room on two nodes does not add up. Replicas beyond those of the
 * settings go first, then those of the endpoints that have been idle for longest. If a node's victims do not suffice, they are chosen anyway, because the
 * node may have some free room of its own, which is unknown here. Pure.
 */
export function chooseVictims<T extends Offer>(need: RoomNeed, offers: readonly T[]): readonly T[] {
  const sorted = [...offers].sort((a, b) => Number(b.keep > 0) - Number(a.keep > 0) || b.idleMs - a.idleMs);
  const nodes = new Set(sorted.flatMap(({ frees }) => frees.map(({ node }) => node)));
  let best: Plan<T> | undefined;
  for (const node of nodes) {
    const plan = planOn(node, need, sorted);
    if (best === undefined || plan.met > best.met || (plan.met === best.met && plan.rank < best.rank)) best = plan;
  }
  return best?.victims ?? [];
}

function planOn<T extends Offer>(node: string, need: RoomNeed, sorted: readonly T[]): Plan<T> {
  const chosen: T[] = [];
  let rank = 0;
  for (const [index, offer] of sorted.entries()) {
    if (metBy([offer], node, need) === 0) continue;
    chosen.push(offer);
    rank = index;
    if (metBy(chosen, node, need) === 1) break;
  }
  const met = metBy(chosen, node, need);
  return { victims: met < 1 ? chosen : withoutSpare(chosen, node, need), met, rank };
}

/** Removes the victims without which there is enough room, those that were called last before others. */
function withoutSpare<T extends Offer>(victims: readonly T[], node: string, need: RoomNeed): readonly T[] {
  let needed = victims;
  for (const victim of [...victims].reverse()) {
    const others = needed.filter((other) => other !== victim);
    if (metBy(others, node, need) === 1) needed = others;
  }
  return needed;
}

/** Returns the part of a need that offers meet on a node, by the resource of which they have least: 1 is all of it. */
function metBy(offers: readonly Offer[], node: string, { each, resources }: RoomNeed): number {
  const freed = offers.flatMap(({ frees }) => frees.filter((replica) => replica.node === node));
  const sum = { cpu: 0, memory: 0, pods: freed.length };
  for (const { cpuMillis, memoryBytes } of freed) {
    sum.cpu += cpuMillis;
    sum.memory += memoryBytes;
  }
  const needed: Readonly<Record<NodeResource, number>> = { cpu: each.cpuMillis, memory: each.memoryBytes, pods: 1 };
  const parts = resources.map((resource) => (needed[resource] === 0 ? 1 : sum[resource] / needed[resource]));
  return Math.min(1, ...parts);
}
