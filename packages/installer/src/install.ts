import { setTimeout as delay } from "node:timers/promises";
import { FaasError, keyIdOf, parseSize } from "@faas/core";
import type { KubernetesApi, KubernetesObject } from "@faas/platforms/kubernetes-client";
import { GATEWAY_NAME, LABELS, SERVER_NAME } from "@faas/platforms/kubernetes-manifests";
import type { V1Deployment, V1Namespace, V1PersistentVolumeClaim, V1Secret } from "@kubernetes/client-node";
import { GATEWAY, INSTALL_SETTINGS, partLabels, SERVER } from "./labels.ts";
import { serverManifests } from "./manifests.ts";
import { checkRouteTarget } from "./route/check-cluster.ts";
import { listenerSecrets } from "./route/route-settings.ts";
import { newGatewayToken, readGatewayToken } from "./secrets/gateway-token.ts";
import { findAddress, type ServerAddress } from "./server-address.ts";
import { DEFAULT_SETTINGS, hasGateways, type InstallSettings, type ServerManifestOptions } from "./settings.ts";
import { removeSuperfluous } from "./uninstall.ts";
import type { WaitOptions } from "./wait-options.ts";
import { waitUntilReady } from "./wait-ready.ts";

const STEP_MS = 300;

/** An existing installation. */
export interface Installation {
  readonly settings: InstallSettings;
  readonly image: string;
}

/** Reads the installation in a namespace; `undefined` if there is none. */
export async function readInstallation(
  api: KubernetesApi,
  namespace: string,
  signal?: AbortSignal,
): Promise<Installation | undefined> {
  const found = await api.get<V1Deployment & KubernetesObject>("Deployment", namespace, SERVER.deployment, signal);
  if (!found || !isOwned(found, namespace)) return undefined;
  const settings = JSON.parse(found.metadata?.annotations?.[INSTALL_SETTINGS] ?? "{}");
  const image = found.spec?.template.spec?.containers[0]?.image ?? "";
  return { settings: { ...DEFAULT_SETTINGS, ...settings }, image };
}

/** Reads the token of the installation's admin key; `undefined` if it is missing or invalid. */
export async function readAdminToken(
  api: KubernetesApi,
  namespace: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const found = await api.get<V1Secret & KubernetesObject>("Secret", namespace, SERVER.adminKey, signal);
  const token = Buffer.from(found?.data?.token ?? "", "base64").toString();
  return keyIdOf(token) === undefined ? undefined : token;
}

/**
 * Creates or changes an installation, and waits until its server answers. Has no effect if nothing changes. The control server comes first and the
 * gateways follow when it is ready: if the new one fails, the gateways still serve. Rejects also with the errors of `waitUntilReady`.
 *
 * @throws NAMESPACE_TAKEN
 * @throws NAMESPACE_TERMINATING
 * @throws USAGE for a change that is impossible for an existing volume, or a missing Gateway
 * @throws GATEWAY_API_MISSING
 * @throws CLUSTER_*
 */
export async function installServer(
  api: KubernetesApi,
  options: ServerManifestOptions,
  wait: WaitOptions,
): Promise<ServerAddress> {
  const ownsNamespace = await checkNamespace(api, wait);
  const routeUrl = await checkRouteTarget(api, options, wait.signal);
  const storageClass = await checkVolume(api, options, wait.signal);
  const gateways = hasGateways(options) ? await existingGateways(api, wait) : {};
  const deadline = performance.now() + wait.timeoutMs;
  const manifests = serverManifests({
    ...options,
    ...gateways,
    ...(storageClass === undefined ? {} : { storageClass }),
  });
  for (const manifest of manifests) {
    // A namespace of another owner is left unchanged.
    if (manifest.kind === "Namespace" && !ownsNamespace) continue;
    await api.apply(manifest as KubernetesObject, wait.signal);
    if (manifest.kind !== "Deployment") continue;
    await waitUntilReady(api, manifest.metadata?.name === SERVER.deployment ? "server" : "gateway", wait, deadline);
  }
  const secure = listenerSecrets(options) !== undefined;
  const part = hasGateways(options) ? GATEWAY_NAME : SERVER_NAME;
  const address = await findAddress(
    api,
    options.expose,
    part,
    { ...wait, secure, ...(routeUrl === undefined ? {} : { routeUrl }) },
    deadline,
  );
  await removeSuperfluous(api, wait.namespace, manifests as readonly KubernetesObject[], wait.signal);
  return address;
}

/** Returns what an installation keeps of its gateways: their token, and their present number. */
async function existingGateways(api: KubernetesApi, { namespace, signal }: WaitOptions) {
  const gatewayToken = (await readGatewayToken(api, namespace, signal)) ?? newGatewayToken();
  const found = await api.get<V1Deployment & KubernetesObject>("Deployment", namespace, GATEWAY.deployment, signal);
  const gatewayReplicas = found?.spec?.replicas;
  return { gatewayToken, ...(gatewayReplicas === undefined ? {} : { gatewayReplicas }) };
}

const isOwned = ({ metadata }: KubernetesObject, namespace: string) =>
  Object.entries(partLabels(namespace)).every(([name, value]) => metadata?.labels?.[name] === value);

/** Returns true if the namespace belongs to the installation, or will. Waits for the end of a terminating namespace. */
async function checkNamespace(
  api: KubernetesApi,
  { namespace, timeoutMs, signal, onProgress }: WaitOptions,
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await api.get<V1Namespace & KubernetesObject>("Namespace", undefined, namespace, signal);
    const org = found?.metadata?.labels?.[LABELS.org];
    if (org !== undefined)
      throw new FaasError(
        "NAMESPACE_TAKEN",
        `The namespace ${namespace} contains the endpoints of the organization ${org}: choose another --namespace`,
      );
    if (!found) return true;
    if (!found.metadata?.deletionTimestamp) return isOwned(found, namespace);
    if (performance.now() > deadline)
      throw new FaasError(
        "NAMESPACE_TERMINATING",
        `The namespace ${namespace} is still being deleted. See "kubectl describe namespace ${namespace}" for what blocks it`,
      );
    onProgress?.(`waiting for the namespace ${namespace} to be deleted`);
    await delay(STEP_MS, undefined, { signal });
  }
}

/** Returns the storage class to apply. An existing volume keeps its class and cannot shrink (Kubernetes, "Persistent Volumes"). */
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
  const advice = 'To move the data to another volume, see "faas uninstall --keep-data" in docs/operations.md';
  if (storageClass !== undefined && storageClassName !== undefined && storageClass !== storageClassName)
    throw new FaasError(
      "USAGE",
      `The server's volume has the storage class "${storageClassName}", which cannot be changed; got --storage-class ${storageClass}. ${advice}`,
    );
  const current = resources?.requests?.storage ?? "0";
  if ((parseSize(storage) ?? 0) < (parseSize(current) ?? 0))
    throw new FaasError(
      "USAGE",
      `The server's volume has ${current}, and a volume cannot shrink; got --storage ${storage}. ${advice}`,
    );
  return storageClassName;
}
