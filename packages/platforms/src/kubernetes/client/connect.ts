import { setTimeout as delay } from "node:timers/promises";
import { FaasError, type Logger } from "@faas/core";
import type { KubernetesApi } from "./api-client.ts";
import { ClusterError } from "./cluster-error.ts";
import { type Kind, pathOf } from "./objects.ts";

const RETRY_FIRST_MS = 250;
const MAX_RETRY_MS = 5_000;
/** Time after which a server that may start without the cluster does so. */
const START_WITHOUT_MS = 10_000;

export interface ConnectOptions {
  readonly api: KubernetesApi;
  /** Kinds that the server must be allowed to list: requests would wait forever for a kind that it cannot watch. */
  readonly kinds: readonly Kind[];
  /** True to continue without an unreachable cluster: `onConnected` is then called at any later time. */
  readonly patient: boolean;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Called with the reason of each failed attempt while the cluster is unreachable. */
  readonly onUnreachable: (reason: FaasError) => void;
  readonly onConnected: (features: ClusterFeatures) => void;
}

/** Features that depend on the version of the cluster. */
export interface ClusterFeatures {
  /** True if a pod's resources can be changed in place (Kubernetes 1.33 and later). */
  readonly canResizePods: boolean;
}

/**
 * Connects to the cluster. Resolves when connected, or with `patient` also when attempts will continue in the background.
 *
 * @throws CLUSTER_CONFIG_INVALID
 * @throws CLUSTER_FORBIDDEN
 * @throws CLUSTER_UNREACHABLE unless `patient`
 */
export async function connectToCluster(options: ConnectOptions): Promise<void> {
  const { api, patient, log, signal, onUnreachable } = options;
  const first = Promise.withResolvers<void>();
  let isRetrying = false;
  const onFailure = (error: unknown) => {
    const isTransient = error instanceof ClusterError && error.isTransient;
    if (!patient || !(error instanceof FaasError) || !(isTransient || isRetrying)) return first.reject(error);
    onUnreachable(error);
    if (!isRetrying) log.warn({ err: error }, "cluster does not answer, starting without it, will retry");
    isRetrying = true;
    first.resolve();
  };
  void retryConnect(options, onFailure).then(first.resolve);
  if (!patient) return first.promise;
  const settled = new AbortController();
  const timeout = delay(START_WITHOUT_MS, undefined, {
    signal: AbortSignal.any([signal, settled.signal]),
    ref: false,
  }).then(
    () =>
      onFailure(
        new ClusterError("CLUSTER_UNREACHABLE", `The Kubernetes API server at ${api.url} has not answered yet`, 0, ""),
      ),
    () => {},
  );
  await Promise.race([first.promise, timeout]).finally(() => settled.abort());
}

/** Tries until the cluster responds, or once without `patient`. */
async function retryConnect(options: ConnectOptions, onFailure: (error: unknown) => void): Promise<void> {
  const { api, kinds, patient, signal, onConnected } = options;
  for (let waitMs = RETRY_FIRST_MS; !signal.aborted; waitMs = Math.min(MAX_RETRY_MS, waitMs * 2)) {
    try {
      const { resources } = await api.call<{ resources: { name: string }[] }>("GET", "/api/v1", { signal });
      await Promise.all(
        kinds.map((kind) => api.call("GET", pathOf(kind, undefined), { query: { limit: "1" }, signal })),
      );
      return onConnected({ canResizePods: resources.some(({ name }) => name === "pods/resize") });
    } catch (error) {
      if (signal.aborted) return;
      onFailure(error);
      if (!patient) return;
      await delay(waitMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }
}
