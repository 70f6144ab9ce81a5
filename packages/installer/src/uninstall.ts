import { setTimeout as delay } from "node:timers/promises";
import { FaasError } from "@faas/core";
import {
  hastenDeletion,
  isNotFound,
  type Kind,
  type KubernetesApi,
  type KubernetesObject,
} from "@faas/platforms/kubernetes-client";
import { GATEWAY_NAME, LABELS, SERVER_NAME, selectorOf } from "@faas/platforms/kubernetes-manifests";
import type { V1Namespace } from "@kubernetes/client-node";
import { GATEWAY, installationSelector, type Part, partSelector, SERVER } from "./labels.ts";
import type { WaitOptions } from "./wait-options.ts";

const STEP_MS = 300;
/** Time for gateways to end: the replicas that could answer the calls in progress are removed too. */
const GATEWAY_GRACE_SECONDS = 5;
/** Kinds in the order of their removal: after the server is gone, the organizations' objects are no longer recreated. */
const NAMESPACED_KINDS: readonly Kind[] = [
  "Ingress",
  "HTTPRoute",
  "Gateway",
  "Deployment",
  "HorizontalPodAutoscaler",
  "PodDisruptionBudget",
  "Service",
  "Secret",
  "ServiceAccount",
  "PersistentVolumeClaim",
];
const CLUSTER_KINDS: readonly Kind[] = [
  "ClusterRoleBinding",
  "ClusterRole",
  "ValidatingAdmissionPolicyBinding",
  "ValidatingAdmissionPolicy",
];

interface ObjectName {
  readonly kind: Kind;
  readonly name: string;
}

/** All objects in the cluster that an installation and its server have created, found by label. */
export interface Installed {
  readonly namespace: string;
  /** True if the installation created the namespace. */
  readonly ownsNamespace: boolean;
  /** Organizations and their namespaces. */
  readonly orgs: readonly { readonly org: string; readonly namespace: string }[];
  readonly objects: readonly ObjectName[];
}

/** Returns true if an installation has no objects. */
export const isNothing = ({ ownsNamespace, orgs, objects }: Installed): boolean =>
  !ownsNamespace && orgs.length === 0 && objects.length === 0;

/** Returns a handler for the error of a list: a cluster without the Gateway API has none of its objects. */
const emptyIf = (kind: Kind) => (error: unknown) => {
  if ((kind === "Gateway" || kind === "HTTPRoute") && isNotFound(error)) return [];
  throw error;
};

/** Finds the objects of an installation. */
export async function findInstalled(api: KubernetesApi, namespace: string, signal?: AbortSignal): Promise<Installed> {
  const selector = installationSelector(namespace);
  const listNames = async (kind: Kind, within: string | undefined): Promise<ObjectName[]> => {
    const found = await api.list<KubernetesObject>(kind, within, selector, signal).catch(emptyIf(kind));
    return found.map(({ metadata }) => ({ kind, name: metadata?.name as string }));
  };
  const [own, orgs, ...objects] = await Promise.all([
    api.list<V1Namespace & KubernetesObject>("Namespace", undefined, selector, signal),
    api.list<V1Namespace & KubernetesObject>("Namespace", undefined, selectorOf(namespace), signal),
    ...NAMESPACED_KINDS.map((kind) => listNames(kind, namespace)),
    ...CLUSTER_KINDS.map((kind) => listNames(kind, undefined)),
  ]);
  return {
    namespace,
    ownsNamespace: own.some(({ metadata }) => metadata?.name === namespace),
    orgs: orgs.map(({ metadata }) => ({ org: metadata?.labels?.[LABELS.org] ?? "", namespace: metadata?.name ?? "" })),
    objects: objects.flat(),
  };
}

/**
 * Removes an installation: first the server, then the organizations with their endpoints, then all other objects. With `keepData`, the volume claim and
 * its namespace stay. Resolves when everything else is gone.
 *
 * @throws NAMESPACE_TERMINATING at the timeout
 */
export async function uninstallServer(
  api: KubernetesApi,
  installed: Installed,
  keepData: boolean,
  options: WaitOptions,
): Promise<void> {
  const { namespace, signal, onProgress } = options;
  const deadline = performance.now() + options.timeoutMs;
  const isKept = ({ kind }: ObjectName) => keepData && kind === "PersistentVolumeClaim";
  const remove = ({ kind, name }: ObjectName) =>
    api.delete(kind, CLUSTER_KINDS.includes(kind) ? undefined : namespace, name, signal);

  onProgress?.("stopping the server and its gateways");
  for (const object of installed.objects) if (object.kind === "Deployment") await remove(object);
  const podsLeft = async () => {
    const gateways = await listPods(api, GATEWAY_NAME, options);
    // Each time: the deployment's controller may have replaced one before it was removed itself.
    for (const pod of gateways) await api.delete("Pod", namespace, pod, signal, GATEWAY_GRACE_SECONDS);
    return [...gateways, ...(await listPods(api, SERVER_NAME, options))];
  };
  await waitUntilGone("pods of the server", podsLeft, deadline, options);

  onProgress?.("deleting the organizations' namespaces");
  // Listed again: the server may have created a namespace just before it stopped.
  const { orgs } = await findInstalled(api, namespace, signal);
  const ended = new AbortController();
  const deleteNamespace = async (name: string) => {
    await api.delete("Namespace", undefined, name, signal);
    void hastenDeletion(api, name, ended.signal);
  };
  const namespacesLeft = async () => (await findInstalled(api, namespace, signal)).orgs.map((org) => org.namespace);
  const objectsLeft = async () => {
    const { ownsNamespace, objects } = await findInstalled(api, namespace, signal);
    const names = objects.filter((object) => !isKept(object)).map(({ kind, name }) => `${kind} ${name}`);
    return ownsNamespace && !keepData ? [namespace, ...names] : names;
  };
  try {
    for (const org of orgs) await deleteNamespace(org.namespace);
    for (const object of installed.objects) if (object.kind !== "Deployment" && !isKept(object)) await remove(object);
    if (installed.ownsNamespace && !keepData) await deleteNamespace(namespace);
    await waitUntilGone("namespaces", namespacesLeft, deadline, options);
    onProgress?.("deleting the server's objects");
    await waitUntilGone("objects", objectsLeft, deadline, options);
  } finally {
    ended.abort();
  }
}

/** Removes the objects of an installation that it had with other settings, and which are not among `manifests`. */
export async function removeSuperfluous(
  api: KubernetesApi,
  namespace: string,
  manifests: readonly KubernetesObject[],
  signal?: AbortSignal,
): Promise<void> {
  const isApplied = ({ kind, name }: ObjectName) =>
    manifests.some((manifest) => manifest.kind === kind && manifest.metadata?.name === name);
  const { objects } = await findInstalled(api, namespace, signal);
  // Keys and logins may be needed again.
  const isKept = ({ kind, name }: ObjectName) => kind === "Secret" && name !== GATEWAY.token && name !== SERVER.secrets;
  for (const object of objects) {
    if (isApplied(object) || isKept(object)) continue;
    await api.delete(object.kind, CLUSTER_KINDS.includes(object.kind) ? undefined : namespace, object.name, signal);
  }
}

async function listPods(
  api: KubernetesApi,
  part: Part,
  { namespace, signal }: WaitOptions,
): Promise<readonly string[]> {
  const pods = await api.list<KubernetesObject>("Pod", namespace, partSelector(namespace, part), signal);
  return pods.map(({ metadata }) => metadata?.name ?? "");
}

async function waitUntilGone(
  what: string,
  listNames: () => Promise<readonly string[]>,
  deadline: number,
  { timeoutMs, signal }: WaitOptions,
): Promise<void> {
  for (;;) {
    const left = await listNames();
    if (left.length === 0) return;
    if (performance.now() > deadline)
      throw new FaasError(
        "NAMESPACE_TERMINATING",
        `These ${what} are still being deleted after ${timeoutMs / 1000} s: ${left.join(", ")}. See "kubectl describe" for what blocks them, and run "faas uninstall" again to continue`,
      );
    await delay(STEP_MS, undefined, { signal });
  }
}
