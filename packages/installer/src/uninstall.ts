import { setTimeout as delay } from "node:timers/promises";
import { FaasError } from "@faas/core";
import type { Kind, KubernetesApi, KubernetesObject } from "@faas/platforms/kubernetes-client";
import { LABELS, selectorOf } from "@faas/platforms/kubernetes-manifests";
import type { V1Namespace } from "@kubernetes/client-node";
import { SERVER, serverSelector } from "./manifests.ts";
import type { Waiting } from "./wait-ready.ts";

const STEP_MS = 300;
/** In the order in which they go: without its server, nothing makes an organization's objects again. */
const IN_NAMESPACE: readonly Kind[] = ["Deployment", "Service", "Secret", "ServiceAccount", "PersistentVolumeClaim"];
const IN_CLUSTER: readonly Kind[] = ["ClusterRoleBinding", "ClusterRole"];

interface Named {
  readonly kind: Kind;
  readonly name: string;
}

/** All that an installation, and its server, have made on a cluster; found by label. */
export interface Installed {
  readonly namespace: string;
  /** The namespace itself is ours. */
  readonly ownsNamespace: boolean;
  /** Each has a namespace. */
  readonly orgs: readonly { readonly org: string; readonly namespace: string }[];
  readonly objects: readonly Named[];
}

export const isNothing = ({ ownsNamespace, orgs, objects }: Installed): boolean =>
  !ownsNamespace && orgs.length === 0 && objects.length === 0;

/** What there is of an installation. */
export async function findInstalled(api: KubernetesApi, namespace: string, signal?: AbortSignal): Promise<Installed> {
  const selector = serverSelector(namespace);
  const named = async (kind: Kind, within: string | undefined): Promise<Named[]> => {
    const found = await api.list<KubernetesObject>(kind, within, selector, signal);
    return found.map(({ metadata }) => ({ kind, name: metadata?.name as string }));
  };
  const [own, orgs, ...objects] = await Promise.all([
    api.list<V1Namespace & KubernetesObject>("Namespace", undefined, selector, signal),
    api.list<V1Namespace & KubernetesObject>("Namespace", undefined, selectorOf(namespace), signal),
    ...IN_NAMESPACE.map((kind) => named(kind, namespace)),
    ...IN_CLUSTER.map((kind) => named(kind, undefined)),
  ]);
  return {
    namespace,
    ownsNamespace: own.some(({ metadata }) => metadata?.name === namespace),
    orgs: orgs.map(({ metadata }) => ({ org: metadata?.labels?.[LABELS.org] ?? "", namespace: metadata?.name ?? "" })),
    objects: objects.flat(),
  };
}

/**
 * Removes it: the server first, then the organizations with their endpoints, then the rest. With `keepData` the volume claim stays, and the
 * namespace that it is in. Resolves when all is gone; rejects with NAMESPACE_TERMINATING when that takes too long.
 */
export async function uninstallServer(
  api: KubernetesApi,
  installed: Installed,
  keepData: boolean,
  waiting: Waiting,
): Promise<void> {
  const { namespace, signal, onProgress } = waiting;
  const deadline = performance.now() + waiting.timeoutMs;
  const remove = ({ kind, name }: Named) =>
    api.delete(kind, IN_CLUSTER.includes(kind) ? undefined : namespace, name, signal);
  const wait = (what: string, rest: () => Promise<readonly string[]>) => gone(what, rest, deadline, waiting);

  onProgress?.("the server ends");
  for (const object of installed.objects) if (object.kind === "Deployment") await remove(object);
  await wait("the server's pod", async () =>
    (await api.list<KubernetesObject>("Pod", namespace, serverSelector(namespace), signal)).map(nameOf),
  );
  onProgress?.("the organizations' namespaces are deleted");
  // Asked again: the server may have made one just before it ended.
  const { orgs } = await findInstalled(api, namespace, signal);
  for (const org of orgs) await api.delete("Namespace", undefined, org.namespace, signal);
  for (const object of installed.objects) {
    if (object.kind === "Deployment" || (keepData && object.kind === "PersistentVolumeClaim")) continue;
    await remove(object);
  }
  if (installed.ownsNamespace && !keepData) await api.delete("Namespace", undefined, namespace, signal);
  await wait("namespaces", async () =>
    (await findInstalled(api, namespace, signal)).orgs.map((each) => each.namespace),
  );
  onProgress?.("the server's objects are deleted");
  await wait("objects", async () => {
    const { ownsNamespace, objects } = await findInstalled(api, namespace, signal);
    const rest = objects.filter(({ kind }) => !keepData || kind !== "PersistentVolumeClaim");
    return [...(ownsNamespace && !keepData ? [namespace] : []), ...rest.map(({ kind, name }) => `${kind} ${name}`)];
  });
}

async function gone(
  what: string,
  rest: () => Promise<readonly string[]>,
  deadline: number,
  { timeoutMs, signal }: Waiting,
): Promise<void> {
  for (;;) {
    const left = await rest();
    if (left.length === 0) return;
    if (performance.now() > deadline)
      throw new FaasError(
        "NAMESPACE_TERMINATING",
        `After ${timeoutMs / 1000} s these ${what} are still being deleted: ${left.join(", ")}. "kubectl describe" says what holds them; "faas uninstall" again goes on`,
      );
    await delay(STEP_MS, undefined, { signal });
  }
}

const nameOf = ({ metadata }: KubernetesObject) => metadata?.name ?? "";

/** The volume claim that is kept. */
export const keptClaim = (namespace: string): string => `${namespace}/${SERVER.claim}`;
