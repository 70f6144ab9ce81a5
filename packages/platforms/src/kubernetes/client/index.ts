export { FIELD_MANAGER, KubernetesApi } from "./api-client.ts";
export { ClusterError, isNotFound } from "./cluster-error.ts";
export { KubernetesCredentials } from "./kubeconfig.ts";
export { hastenDeletion } from "./namespace-deletion.ts";
export { type Fields, type Kind, type KubernetesObject, pathOf, resources } from "./objects.ts";
