import type { EndpointSpec } from "@faas/core";
import type { V1Affinity } from "@kubernetes/client-node";

/** Returns the affinity of pods for the nodes that can run the image; undefined if its platforms are unknown. */
export function nodeAffinity({ artifact }: EndpointSpec): V1Affinity | undefined {
  if (artifact.kind !== "image" || artifact.platforms === undefined) return undefined;
  // Terms are alternatives; the expressions of a term all have to match.
  const nodeSelectorTerms = artifact.platforms.map((platform) => {
    const [os = "", arch = ""] = platform.split("/");
    return {
      matchExpressions: [
        { key: "kubernetes.io/os", operator: "In", values: [os] },
        { key: "kubernetes.io/arch", operator: "In", values: [arch] },
      ],
    };
  });
  return { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } };
}
