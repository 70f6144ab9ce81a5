/** Access of a gateway to the cluster that it runs in. Loads neither undici nor the Kubernetes client library. */

export { GatewayCluster } from "./gateway-cluster.ts";
export { InClusterApi } from "./in-cluster-api.ts";
export type { ClusterReplica } from "./tracked-pods.ts";
