import { setTimeout as delay } from "node:timers/promises";
import { FaasError } from "@faas/core";
import type { PlatformLog } from "../../common/platform-log.ts";
import { ClusterError, type Kind, type KubernetesApi, pathOf } from "./api-client.ts";

const RETRY_FIRST_MS = 250;
const RETRY_MOST_MS = 5_000;
/** A server that would rather start without the cluster than not at all begins after this. */
const PATIENCE_MS = 10_000;

export interface ReachOptions {
  readonly api: KubernetesApi;
  /** What has to be allowed: what may not be followed would never be known, and each request would wait for it. */
  readonly kinds: readonly Kind[];
  /** Whether a cluster that is away is waited for: then `reached` may come any time later. */
  readonly patient: boolean;
  readonly log: PlatformLog;
  readonly signal: AbortSignal;
  /** Why it was not reached so far. */
  readonly away: (reason: FaasError) => void;
  readonly reached: (facts: ClusterFacts) => void;
}

export interface ClusterFacts {
  /** Kubernetes 1.33 and later: a pod's resources can be changed in place. */
  readonly resizes: boolean;
}

/** Resolves when the cluster was reached, or is waited for. Rejects, for good, with CLUSTER_CONFIG_INVALID, CLUSTER_FORBIDDEN, CLUSTER_UNREACHABLE. */
export async function reachCluster(options: ReachOptions): Promise<void> {
  const { api, patient, log, signal, away } = options;
  const first = Promise.withResolvers<void>();
  let isWaitedFor = false;
  const failed = (error: unknown) => {
    const isAway = error instanceof ClusterError && error.isTransient;
    if (!patient || !(error instanceof FaasError) || !(isAway || isWaitedFor)) return first.reject(error);
    away(error);
    if (!isWaitedFor) log.warn({ err: error }, "the cluster does not answer: starting without it, and trying again");
    isWaitedFor = true;
    first.resolve();
  };
  void keepTrying(options, failed).then(first.resolve);
  if (!patient) return first.promise;
  const late = new AbortController();
  const slow = delay(PATIENCE_MS, undefined, { signal: AbortSignal.any([signal, late.signal]), ref: false }).then(
    () =>
      failed(
        new ClusterError("CLUSTER_UNREACHABLE", `The Kubernetes API server at ${api.url} has not answered yet`, 0, ""),
      ),
    () => {},
  );
  await Promise.race([first.promise, slow]).finally(() => late.abort());
}

/** Resolves when it was reached, or given up. */
async function keepTrying(options: ReachOptions, failed: (error: unknown) => void): Promise<void> {
  const { api, kinds, patient, signal, reached } = options;
  for (let waitMs = RETRY_FIRST_MS; !signal.aborted; waitMs = Math.min(RETRY_MOST_MS, waitMs * 2)) {
    try {
      const { resources } = await api.call<{ resources: { name: string }[] }>("GET", "/api/v1", { signal });
      await Promise.all(
        kinds.map((kind) => api.call("GET", pathOf(kind, undefined), { query: { limit: "1" }, signal })),
      );
      return reached({ resizes: resources.some(({ name }) => name === "pods/resize") });
    } catch (error) {
      if (signal.aborted) return;
      failed(error);
      if (!patient) return;
      await delay(waitMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }
}
