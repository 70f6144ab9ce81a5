import { networkInterfaces } from "node:os";
import type { Logger, LogSink } from "@faas/core";
import type { Placements } from "./organizations/placements.ts";
import type { ManifestOptions } from "./reconcile/manifests/labels.ts";

export interface KubernetesOptions {
  /** Folder for logins to registries. */
  readonly dataDir: string;
  /** Receives copies of the replicas' logs; absent: they are not copied. */
  readonly logs?: LogSink;
  /** Name of the control server, which tells its objects from those of other control servers on the same cluster. */
  readonly instance: string;
  /**
   * Context of the kubeconfig.
   *
   * @defaultValue the current context
   */
  readonly context?: string;
  /**
   * CPU limit of a starting replica.
   *
   * @defaultValue 1000
   */
  readonly startupCpuMillis?: number;
  /**
   * Time for a replica to start.
   *
   * @defaultValue 60 s
   */
  readonly startSeconds?: number;
  /**
   * Warm pods per environment of an organization without a limit of its own (`Limits.warmPods`).
   *
   * @defaultValue 1
   */
  readonly poolSize?: number;
  /**
   * Returns the folder of an unpacked bundle: the code that a warm pod loads. Rejects with BUNDLE_NOT_FOUND. Absent: there are no warm pods.
   */
  readonly bundleFolder?: (digest: string) => Promise<string>;
  /** Namespace of the control server if it runs in the cluster. */
  readonly serverNamespace?: string;
  /**
   * Time to wait for a terminating namespace.
   *
   * @defaultValue 45 s
   */
  readonly terminatingMs?: number;
  /**
   * Silence after which a watch is started again.
   *
   * @defaultValue 90 s
   */
  readonly silenceMs?: number;
  /**
   * Store with each line the id of the call that printed it. `kubectl logs` shows the tag with which the wrapper marks the line.
   *
   * @defaultValue true
   */
  readonly logRequestIds?: boolean;
  /** True to start while the cluster is unreachable, and connect later. */
  readonly patient?: boolean;
  readonly log?: Logger;
}

const ignore = () => {};
/** Logger of a platform without one. */
export const NO_LOG: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/** Returns the settings common to all objects of the control server. */
export function manifestOptions(
  { instance, startSeconds = 60, serverNamespace, logRequestIds: tagsOutput = true }: KubernetesOptions,
  placements: Placements,
): ManifestOptions {
  const shared = { instance, startSeconds, tagsOutput, placements };
  return serverNamespace === undefined
    ? { ...shared, gatewayCidrs: ownAddresses() }
    : { ...shared, gatewayCidrs: [], serverNamespace };
}

/** Lists the addresses of this machine, each as a network of one address, for a control server outside the cluster. */
function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith("fe80:"))
    .map(({ address, family }) => `${address}/${family === "IPv4" ? 32 : 128}`)
    .sort();
}
