import { FaasError, type Logger } from "@faas/core";
import type { GatewayCluster } from "@faas/platforms/kubernetes-gateway";

/** Parts of a gateway that its access to the cluster uses. */
interface ClusterContext extends Pick<ConstructorParameters<typeof GatewayCluster>[0], "endpoint" | "onReplicas"> {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Logger;
}

export type ClusterAccess = Pick<GatewayCluster, "start" | "setAlone" | "wake" | typeof Symbol.dispose>;

/**
 * Opens the access of a gateway to the cluster that it runs in.
 *
 * @throws CLUSTER_CONFIG_INVALID outside of a pod, USAGE without a namespace
 */
export async function openCluster({ env, ...context }: ClusterContext): Promise<ClusterAccess> {
  const { FAAS_NAMESPACE: instance } = env;
  if (!instance)
    throw new FaasError("USAGE", "--kubernetes requires FAAS_NAMESPACE, the namespace of the control server");
  const { GatewayCluster, InClusterApi } = await import("@faas/platforms/kubernetes-gateway");
  return new GatewayCluster({ api: new InClusterApi({ env }), instance, ...context });
}
