import { setTimeout as delay } from "node:timers/promises";
import { FaasError, keyIdOf, parseSize } from "@faas/core";
import type { KubernetesApi, KubernetesObject } from "@faas/platforms/kubernetes-client";
import { LABELS } from "@faas/platforms/kubernetes-manifests";
import type { V1Deployment, V1Namespace, V1PersistentVolumeClaim, V1Secret } from "@kubernetes/client-node";
import {
  INSTALL_SETTINGS,
  type InstallSettings,
  SERVER,
  type ServerManifestOptions,
  serverLabels,
  serverManifests,
} from "./manifests.ts";
import { type ServerAddress, type Waiting, waitForServer } from "./wait-ready.ts";

const STEP_MS = 300;
const DEFAULTS = { storage: "1Gi", expose: "none" } as const;

/** An installation that is there. */
export interface Installation {
  readonly settings: InstallSettings;
  readonly image: string;
}

/** The installation of a namespace; `undefined` when there is none. */
export async function readInstallation(
  api: KubernetesApi,
  namespace: string,
  signal?: AbortSignal,
): Promise<Installation | undefined> {
  const found = await api.get<V1Deployment & KubernetesObject>("Deployment", namespace, SERVER.deployment, signal);
  if (!found || !isOurs(found, namespace)) return undefined;
  const settings = JSON.parse(found.metadata?.annotations?.[INSTALL_SETTINGS] ?? "{}");
  return { settings: { ...DEFAULTS, ...settings }, image: found.spec?.template.spec?.containers[0]?.image ?? "" };
}

/** The token of the installation's admin key; `undefined` when there is none yet, or what is there is none. */
export async function readAdminToken(
  api: KubernetesApi,
  namespace: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const found = await api.get<V1Secret & KubernetesObject>("Secret", namespace, SERVER.adminKey, signal);
  const token = Buffer.from(found?.data?.token ?? "", "base64").toString();
  return keyIdOf(token) === undefined ? undefined : token;
}

/** What is given, else what the installation that is there has, else the default. The Secret `none` is none: HTTP again. */
export function settingsFor(given: Partial<InstallSettings>, former: Partial<InstallSettings> = {}): InstallSettings {
  const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const { tlsSecret, ...settings } = { ...DEFAULTS, ...former, ...said };
  return tlsSecret === undefined || tlsSecret === "none" ? settings : { ...settings, tlsSecret };
}

/**
 * Makes or changes an installation, and waits until it answers. Running it again changes nothing. Rejects with NAMESPACE_TAKEN,
 * NAMESPACE_TERMINATING, USAGE for a volume that cannot become what is asked for, CLUSTER_*, and what `waitForServer` does.
 */
export async function installServer(
  api: KubernetesApi,
  options: ServerManifestOptions,
  waiting: Waiting,
): Promise<ServerAddress> {
  const isNamespaceOurs = await checkNamespace(api, waiting);
  const storageClass = await checkVolume(api, options, waiting.signal);
  for (const manifest of serverManifests({ ...options, ...(storageClass === undefined ? {} : { storageClass }) })) {
    // A namespace that somebody else made stays as it is.
    if (manifest.kind === "Namespace" && !isNamespaceOurs) continue;
    await api.apply(manifest as KubernetesObject, waiting.signal);
  }
  return waitForServer(api, options.expose, { ...waiting, secure: options.tlsSecret !== undefined });
}

const isOurs = ({ metadata }: KubernetesObject, namespace: string) =>
  Object.entries(serverLabels(namespace)).every(([name, value]) => metadata?.labels?.[name] === value);

/** Whether the namespace is, or will be, ours. One that is just being deleted is waited for. */
async function checkNamespace(
  api: KubernetesApi,
  { namespace, timeoutMs, signal, onProgress }: Waiting,
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await api.get<V1Namespace & KubernetesObject>("Namespace", undefined, namespace, signal);
    const org = found?.metadata?.labels?.[LABELS.org];
    if (org !== undefined)
      throw new FaasError(
        "NAMESPACE_TAKEN",
        `The namespace ${namespace} holds the endpoints of the organization ${org}: choose another --namespace`,
      );
    if (!found) return true;
    if (!found.metadata?.deletionTimestamp) return isOurs(found, namespace);
    if (performance.now() > deadline)
      throw new FaasError(
        "NAMESPACE_TERMINATING",
        `The namespace ${namespace} is still being deleted; "kubectl describe namespace ${namespace}" says what holds it`,
      );
    onProgress?.(`the namespace ${namespace} is being deleted`);
    await delay(STEP_MS, undefined, { signal });
  }
}

/** The storage class to ask for. A volume that is there keeps its class and never shrinks (Kubernetes, "Persistent Volumes"). */
async function checkVolume(
  api: KubernetesApi,
  { namespace, storage, storageClass }: ServerManifestOptions,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const found = await api.get<V1PersistentVolumeClaim & KubernetesObject>(
    "PersistentVolumeClaim",
    namespace,
    SERVER.claim,
    signal,
  );
  if (!found) return storageClass;
  const { storageClassName, resources } = found.spec ?? {};
  const advice = `"faas uninstall --keep-data" and docs/operations.md say how to move it`;
  if (storageClass !== undefined && storageClassName !== undefined && storageClass !== storageClassName)
    throw new FaasError(
      "USAGE",
      `The server's volume is of the storage class "${storageClassName}", and stays of it; got --storage-class ${storageClass}. ${advice}`,
    );
  const has = resources?.requests?.storage ?? "0";
  if ((parseSize(storage) ?? 0) < (parseSize(has) ?? 0))
    throw new FaasError(
      "USAGE",
      `The server's volume has ${has}, and a volume cannot shrink; got --storage ${storage}. ${advice}`,
    );
  return storageClassName;
}
