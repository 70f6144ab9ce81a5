import type { LackingRoom, NodeResource, ReplicaRequests } from "@faas/core";
import type { PodFacts } from "../pods/pod-facts.ts";

/** A replica as far as it concerns its room. */
interface RoomSeeker {
  readonly facts: Pick<PodFacts, "deleting" | "requests" | "unschedulable">;
  readonly lackedResources: readonly NodeResource[];
}

/** Returns the part of a status that says which replicas wait for room; empty if none does. */
export function lackingRoom(replicas: Iterable<RoomSeeker>): { readonly lacksRoom?: LackingRoom } {
  let count = 0;
  let detail = "";
  let each: ReplicaRequests = { cpuMillis: 0, memoryBytes: 0 };
  const resources = new Set<NodeResource>();
  for (const { facts, lackedResources } of replicas) {
    if (facts.deleting || lackedResources.length === 0) continue;
    count++;
    detail = facts.unschedulable ?? detail;
    each = larger(each, facts.requests);
    for (const resource of lackedResources) resources.add(resource);
  }
  return count === 0 ? {} : { lacksRoom: { replicas: count, each, resources: [...resources], detail } };
}

const larger = (one: ReplicaRequests, other: ReplicaRequests): ReplicaRequests => ({
  cpuMillis: Math.max(one.cpuMillis, other.cpuMillis),
  memoryBytes: Math.max(one.memoryBytes, other.memoryBytes),
});
