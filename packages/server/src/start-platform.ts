import { join } from "node:path";
import type { EndpointRef, Logger, LogSink, Platform } from "@faas/core";
import { EmbeddedPlatform } from "@faas/platforms";
import type { BundleStore } from "./bundles/bundle-store.ts";
import { certificatesIn, type ServerOptions } from "./options.ts";
import { instanceId } from "./state/instance-id.ts";
import type { Store } from "./state/store.ts";
import { otherWorkDir, workDirOf } from "./takeover/work-dir.ts";

/** Parts of the server that a platform uses. */
export interface PlatformContext {
  readonly dataDir: string;
  readonly bundles: BundleStore;
  readonly store: Store;
  readonly logs: LogSink;
  readonly log: Logger;
  /** Resolves when no gateway sends calls to a replica any more that is about to stop. Absent: the gateway is in this process. */
  readonly beforeStop?: (ref: EndpointRef, replica: string) => Promise<void>;
}

/**
 * Starts the platform that the options select.
 *
 * @throws ISOLATION_UNAVAILABLE, CLUSTER_*
 */
export async function startPlatform(options: ServerOptions, context: PlatformContext): Promise<Platform> {
  const { kubernetes, poolSize = 0, isolation = "auto", readable = [], logRequestIds = true, sourceFolder } = options;
  const { dataDir, bundles, store, logs, log, beforeStop } = context;
  if (!kubernetes) {
    const workDir = workDirOf(options);
    const platform = new EmbeddedPlatform({
      dataDir,
      workDir: join(dataDir, workDir),
      bundleFolder: (digest) => bundles.folder(digest),
      poolSize,
      isolation,
      readable,
      logRequestIds,
      ...(sourceFolder === undefined ? {} : { sourceFolder }),
      ...(beforeStop === undefined ? {} : { beforeStop }),
      hidden: certificatesIn(options).map(({ key }) => key),
      logs,
      log,
    });
    if (options.predecessor === undefined) platform.cleanUp(join(dataDir, otherWorkDir(workDir)));
    return platform;
  }
  // Imported here because its client is large: a server without a cluster does not load it.
  const { KubernetesPlatform } = await import("@faas/platforms/kubernetes");
  const { startupCpuMillis, startSeconds, poolSize: warmPods, namespace, context: kubeContext } = kubernetes;
  return KubernetesPlatform.connect({
    dataDir,
    instance: namespace ?? (await instanceId(dataDir)),
    ...(startupCpuMillis === undefined ? {} : { startupCpuMillis }),
    ...(startSeconds === undefined ? {} : { startSeconds }),
    ...(warmPods === undefined ? {} : { poolSize: warmPods }),
    bundleFolder: (digest) => bundles.folder(digest),
    ...(namespace === undefined ? {} : { serverNamespace: namespace }),
    ...(kubeContext === undefined ? {} : { context: kubeContext }),
    logRequestIds,
    // The first start on a machine reports an unreachable cluster at once. A server with endpoints, or one that the cluster started, waits for it.
    patient: namespace !== undefined || [...store.orgs()].length > 0,
    logs,
    log,
  });
}
