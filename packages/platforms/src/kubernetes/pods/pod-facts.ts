import { parseCpu, parseSize, type ReplicaRequests } from "@faas/core";
import type { V1Pod } from "@kubernetes/client-node";
import { lostLogin } from "../organizations/pull-secrets.ts";
import { CONTAINER, CPU_LIMIT, LABELS } from "../reconcile/manifests/labels.ts";
import { evictionFailure } from "./eviction.ts";
import { containerFailure, exitFailure, type Failure, podFailure, withLostLoginAdvice } from "./pod-failures.ts";

/** The facts about a pod that the platform tracks. A restarted container is another replica. */
export interface PodFacts {
  readonly pod: string;
  readonly namespace: string;
  readonly org: string;
  readonly endpoint: string;
  readonly revision: string;
  /** Id of the replica: the pod's name and the number of container restarts. */
  readonly replica: string;
  readonly restarts: number;
  readonly ip?: string;
  /** True if the pod is being deleted, or has ended. */
  readonly deleting: boolean;
  /** True if Kubernetes considers the pod ready, which is up to a second later than the platform does. */
  readonly isReady: boolean;
  /** Start of the running container, in milliseconds since the epoch. */
  readonly runningSinceMs?: number;
  /** CPU limit in the pod's spec. */
  readonly cpuMillis?: number;
  /** CPU limit that the node enforces. */
  readonly enforcedCpuMillis?: number;
  /** CPU request in the pod's spec. */
  readonly cpuRequestMillis?: number;
  /** CPU request that the node has granted. */
  readonly grantedCpuRequestMillis?: number;
  /** Reason why the node does not grant the CPU in the pod's spec now. */
  readonly resizePending?: string;
  /** CPU limit of the endpoint, for a started pod. */
  readonly endpointCpuMillis?: number;
  /** Reason why the pod does not run, and will not without a change. */
  readonly failure?: Failure;
  /** Exit of the previous container. */
  readonly previousExit?: Failure;
  /** The scheduler's message while no node accepts the pod, which may be temporary. */
  readonly unschedulable?: string;
  /** True if a node was chosen for the pod. */
  readonly scheduled: boolean;
  readonly node?: string;
  /** Resources that the pod reserves. */
  readonly requests: ReplicaRequests;
}

/** Returns the id of the replica that a pod's container is after a number of restarts. */
export const replicaId = (pod: string, restarts: number) => (restarts === 0 ? pod : `${pod}.${restarts}`);

/** Identifies the pod among those of all namespaces. */
export const podKey = ({ namespace, pod }: PodFacts) => `${namespace}/${pod}`;

/** Extracts the facts from a pod. Pure. */
export function podFacts(pod: V1Pod): PodFacts {
  const { metadata = {}, spec, status } = pod;
  const labels = metadata.labels ?? {};
  const container = status?.containerStatuses?.find(({ name }) => name === CONTAINER);
  const restarts = container?.restartCount ?? 0;
  const name = metadata.name ?? "";
  const startedAt = container?.state?.running?.startedAt;
  const scheduled = status?.conditions?.find(({ type }) => type === "PodScheduled");
  const { limits, requests } = spec?.containers.find((item) => item.name === CONTAINER)?.resources ?? {};
  const org = labels[LABELS.org] ?? "";
  const failure =
    evictionFailure(pod) ?? (container ? containerFailure(container, limits?.memory, org) : podFailure(pod));
  const previous = container?.lastState?.terminated;
  const cpuMillis = millisOf(limits?.cpu);
  const endpointCpuMillis = Number(metadata.annotations?.[CPU_LIMIT]);
  const enforcedCpuMillis = millisOf(container?.resources?.limits?.cpu);
  const cpuRequestMillis = millisOf(requests?.cpu);
  const grantedCpuRequestMillis = millisOf(container?.resources?.requests?.cpu);
  const resize = status?.conditions?.find(({ type }) => type === "PodResizePending");
  return {
    pod: name,
    namespace: metadata.namespace ?? "",
    org,
    endpoint: labels[LABELS.endpoint] ?? "",
    revision: labels[LABELS.revision] ?? "",
    replica: replicaId(name, restarts),
    restarts,
    ...(status?.podIP ? { ip: status.podIP } : {}),
    deleting: metadata.deletionTimestamp !== undefined || status?.phase === "Failed" || status?.phase === "Succeeded",
    isReady: status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") ?? false,
    ...(startedAt === undefined ? {} : { runningSinceMs: new Date(startedAt).getTime() }),
    ...(cpuMillis === undefined ? {} : { cpuMillis }),
    ...(enforcedCpuMillis === undefined ? {} : { enforcedCpuMillis }),
    ...(cpuRequestMillis === undefined ? {} : { cpuRequestMillis }),
    ...(grantedCpuRequestMillis === undefined ? {} : { grantedCpuRequestMillis }),
    ...(resize?.status === "True" ? { resizePending: `${resize.reason}: ${resize.message}` } : {}),
    ...(endpointCpuMillis > 0 ? { endpointCpuMillis } : {}),
    ...(failure ? { failure } : {}),
    ...(previous ? { previousExit: { ...exitFailure(previous, limits?.memory), logs: "previous" } } : {}),
    scheduled: spec?.nodeName !== undefined,
    ...(spec?.nodeName === undefined ? {} : { node: spec.nodeName }),
    requests: { cpuMillis: millisOf(requests?.cpu) ?? 0, memoryBytes: parseSize(requests?.memory ?? "") ?? 0 },
    ...(scheduled?.status === "False" ? { unschedulable: scheduled.message ?? scheduled.reason ?? "" } : {}),
  };
}

const millisOf = (cpu: string | undefined) => (cpu === undefined ? undefined : parseCpu(cpu));

/** Adds to a failed pull that the organization's registry login is lost. */
export function withLostLogin(facts: PodFacts): PodFacts {
  const { failure, org } = facts;
  if (failure?.code !== "IMAGE_PULL_FAILED") return facts;
  return { ...facts, failure: withLostLoginAdvice(failure, lostLogin(org)) };
}
