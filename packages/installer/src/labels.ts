import { LABELS, MANAGER, SERVER_NAME } from "@faas/platforms/kubernetes-manifests";

/** Names, labels and annotations of an installation's Kubernetes objects. */

/** Names in the server's namespace. */
export const SERVER = {
  port: 8887,
  service: "faas",
  deployment: SERVER_NAME,
  account: SERVER_NAME,
  container: "server",
  claim: "faas-data",
  /** Secret with the admin key: `token` for people, `verifier` (id and hash) for the server. */
  adminKey: "faas-admin-key",
} as const;
/** Annotation of the Deployment: the settings as JSON. */
export const INSTALL_SETTINGS = "faas/install";
/** Annotation of the pod: id of the admin key, so that a new key replaces the pod. */
export const ADMIN_KEY_ID = "faas/admin-key";
const INSTANCE = "app.kubernetes.io/instance";

/** Returns the name of an installation's ClusterRole, which is unique in the cluster. */
export const roleName = (namespace: string): string => `${SERVER_NAME}-${namespace}`;

/** Returns the labels that the Service and the Deployment select the server's pods by. */
export const podLabels = (namespace: string) => ({ [LABELS.name]: SERVER_NAME, [INSTANCE]: namespace });

/** Returns the labels of all objects of an installation; the organizations' objects have other labels. */
export const serverLabels = (namespace: string) => ({ ...podLabels(namespace), [LABELS.managedBy]: MANAGER });

/** Returns the label selector of all objects of an installation. */
export const serverSelector = (namespace: string): string =>
  Object.entries(serverLabels(namespace))
    .map(([name, value]) => `${name}=${value}`)
    .join(",");

/** Returns the metadata of an object in the server's namespace. */
export const metadataOf = (name: string, namespace: string) => ({ name, namespace, labels: serverLabels(namespace) });

/** Describes the volume claim by its namespace and name. */
export const volumeClaimPath = (namespace: string): string => `${namespace}/${SERVER.claim}`;
