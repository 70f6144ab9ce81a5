import { type Placement, parseToleration } from "@faas/core";
import type { V1LabelSelector, V1PodSpec, V1TopologySpreadConstraint } from "@kubernetes/client-node";
import { LOST_NODE_TOLERATIONS } from "./labels.ts";

/** Topologies over which replicas are spread: a lost node, or a lost zone, takes as few of them as possible. */
const TOPOLOGIES = ["topology.kubernetes.io/zone", "kubernetes.io/hostname"];

/**
 * Returns the fields of a pod that decide about its node. Replicas are spread as far as there is room, never at the cost of not running.
 *
 * @param siblings pods of which as few as possible should share a node or a zone with it
 * @param revisionLabel label whose value siblings share: those of another revision are about to end
 */
export function placedPod(
  { nodeSelector, tolerations = [], priorityClass, runtimeClass }: Placement = {},
  siblings: V1LabelSelector,
  revisionLabel?: string,
): Pick<
  V1PodSpec,
  "nodeSelector" | "priorityClassName" | "runtimeClassName" | "tolerations" | "topologySpreadConstraints"
> {
  return {
    tolerations: [...LOST_NODE_TOLERATIONS, ...tolerations.map(parseToleration)],
    topologySpreadConstraints: TOPOLOGIES.map((topologyKey) => spread(topologyKey, siblings, revisionLabel)),
    ...(nodeSelector === undefined ? {} : { nodeSelector }),
    ...(priorityClass === undefined ? {} : { priorityClassName: priorityClass }),
    ...(runtimeClass === undefined ? {} : { runtimeClassName: runtimeClass }),
  };
}

const spread = (
  topologyKey: string,
  labelSelector: V1LabelSelector,
  revisionLabel: string | undefined,
): V1TopologySpreadConstraint => ({
  maxSkew: 1,
  topologyKey,
  whenUnsatisfiable: "ScheduleAnyway",
  labelSelector,
  ...(revisionLabel === undefined ? {} : { matchLabelKeys: [revisionLabel] }),
});
