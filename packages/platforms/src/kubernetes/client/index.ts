export {
  ClusterError,
  FIELD_MANAGER,
  type Fields,
  type Kind,
  KubernetesApi,
  type KubernetesObject,
  pathOf,
  resources,
} from "./api-client.ts";
export { KubernetesCredentials } from "./kubeconfig.ts";
