import type { V1ContainerStatus, V1Pod } from "@kubernetes/client-node";

/** Builds a pod with one container, as observed on a cluster. */
export function pod(container: Partial<V1ContainerStatus>, status: V1Pod["status"] = {}): V1Pod {
  return {
    metadata: {
      name: "x-1-a",
      namespace: "faas-acme",
      labels: { "faas/org": "acme", "faas/endpoint": "x", "faas/revision": "r1" },
      annotations: { "faas/cpu-millis": "100" },
    },
    spec: { containers: [{ name: "function", resources: { limits: { cpu: "1", memory: "134217728" } } }] },
    status: {
      ...status,
      containerStatuses: [
        { name: "function", image: "r:5000/acme/x@sha256:1", imageID: "", ready: false, restartCount: 0, ...container },
      ],
    },
  };
}

/** Builds the state of a container that has ended. */
export const terminated = (reason: string, exitCode: number, message?: string) => ({
  terminated: { reason, exitCode, ...(message === undefined ? {} : { message }) },
});
