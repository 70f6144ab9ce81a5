import type { NodeResource } from "@faas/core";

const MESSAGES: Readonly<Record<NodeResource, RegExp>> = {
  cpu: /\bInsufficient cpu\b/,
  memory: /\bInsufficient memory\b/,
  pods: /\bToo many pods\b/,
};
/**
 * The scheduler's words for nodes that other pods would have to leave, but that have no pods of lower priority. Of nodes that are too small, it says that
 * preemption is not helpful.
 */
const LARGE_ENOUGH = /\bNo preemption victims found\b/;

/**
 * Returns the resources that nodes have too little of at the moment, by the scheduler's message. Empty if all nodes are too small for the pod, or reject it
 * for other reasons, such as taints. Pure.
 */
export function lackedResources(message: string): readonly NodeResource[] {
  if (!LARGE_ENOUGH.test(message)) return [];
  return (Object.keys(MESSAGES) as NodeResource[]).filter((resource) => MESSAGES[resource].test(message));
}
