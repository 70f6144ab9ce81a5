/** What a gateway in a pod of its own does in the cluster. Loads neither undici nor the Kubernetes client library. */

export { GatewayCluster, type GatewayClusterOptions, type ServedByGateway } from "./gateway-cluster.ts";
export { InClusterApi } from "./in-cluster-api.ts";
export type { ClusterReplica } from "./tracked-pods.ts";
