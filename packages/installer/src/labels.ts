import { GATEWAY_NAME, LABELS, MANAGER, SERVER_NAME } from "@faas/platforms/kubernetes-manifests";

/** Names, labels and annotations of an installation's Kubernetes objects. */

/** Names in the server's namespace. */
export const SERVER = {
  port: 8887,
  service: "faas",
  deployment: SERVER_NAME,
  account: SERVER_NAME,
  container: "server",
  claim: "faas-data",
  /** Ingress, or Gateway and HTTPRoute. */
  route: "faas",
  /** HTTPRoute from HTTP to HTTPS. */
  redirect: "faas-redirect",
  /** Secret with the admin key: `token` for people, `verifier` (id and hash) for the server. */
  adminKey: "faas-admin-key",
  /** Secret with the settings that can contain passwords. */
  secrets: "faas-server-secrets",
} as const;
/** Names of what exists only with gateways in pods of their own, in the server's namespace. */
export const GATEWAY = {
  deployment: GATEWAY_NAME,
  account: GATEWAY_NAME,
  container: "gateway",
  budget: GATEWAY_NAME,
  autoscaler: GATEWAY_NAME,
  /** Secret with the token that gateways and the control server know each other by. */
  token: "faas-gateway-token",
  /** Service of the control server, which only gateways use. */
  controlService: "faas-control",
  controlPort: 8888,
  /** Port for other gateways. */
  peerPort: 8889,
} as const;
/** Annotation of the Deployment: the settings as JSON. */
export const INSTALL_SETTINGS = "faas/install";
/** Annotation of the pod: id of the admin key, so that a new key replaces the pod. */
export const ADMIN_KEY_ID = "faas/admin-key";

/** Part of an installation: the control server, or gateways in pods of their own. */
export type Part = typeof SERVER_NAME | typeof GATEWAY_NAME;

/** Returns the name of a ClusterRole of an installation, which is unique in the cluster. */
export const roleName = (namespace: string, part: Part = SERVER_NAME): string => `${part}-${namespace}`;

/** Returns the labels that Services and Deployments select pods by. */
export const podLabels = (namespace: string, part: Part = SERVER_NAME) => ({
  [LABELS.name]: part,
  [LABELS.installation]: namespace,
});

/** Returns the labels of all objects of an installation; the organizations' objects have other labels. */
export const partLabels = (namespace: string, part: Part = SERVER_NAME) => ({
  ...podLabels(namespace, part),
  [LABELS.managedBy]: MANAGER,
});

/** Returns the label selector of the objects and pods of one part of an installation. */
export const partSelector = (namespace: string, part: Part): string =>
  Object.entries(partLabels(namespace, part))
    .map(([name, value]) => `${name}=${value}`)
    .join(",");

/** Returns the label selector of all objects of an installation. */
export const installationSelector = (namespace: string): string =>
  `${LABELS.name} in (${SERVER_NAME},${GATEWAY_NAME}),${LABELS.installation}=${namespace},${LABELS.managedBy}=${MANAGER}`;

/** Returns the metadata of an object in the server's namespace. */
export const metadataOf = (name: string, namespace: string, part: Part = SERVER_NAME) => ({
  name,
  namespace,
  labels: partLabels(namespace, part),
});

/** Describes the volume claim by its namespace and name. */
export const volumeClaimPath = (namespace: string): string => `${namespace}/${SERVER.claim}`;
