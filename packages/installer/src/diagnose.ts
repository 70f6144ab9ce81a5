import { type ErrorCode, formatSize, parseSize } from "@faas/core";
import type {
  CoreV1Event,
  V1ContainerState,
  V1ContainerStatus,
  V1Deployment,
  V1PersistentVolumeClaim,
  V1Pod,
} from "@kubernetes/client-node";
import { SERVER } from "./labels.ts";

/** Pure functions from the state of an installation's objects to the reason why its server, or a gateway, does not answer. */

/** State of an installation's control server, or of its gateways, in the cluster. */
export interface ServerFacts {
  readonly part: "server" | "gateway";
  readonly deployment: V1Deployment;
  /** Pods of the Deployment. */
  readonly pods: readonly V1Pod[];
  readonly claim?: V1PersistentVolumeClaim;
  /** Events of the newest pod and of the volume claim, oldest first. */
  readonly events: readonly CoreV1Event[];
}

/** Reason why the server does not answer. */
export interface ServerFailure {
  readonly code: ErrorCode;
  readonly detail: string;
  /** True if the failure does not pass without a change. */
  readonly isFinal: boolean;
  /** The container whose last log lines explain the failure: `previous` if another one has replaced it. Absent: no container ran. */
  readonly logs?: "current" | "previous";
}

const FINAL_PULL_ERROR =
  /not found|manifest unknown|unauthorized|denied|forbidden|authentication required|no match for platform|invalid reference|server gave HTTP response/i;
/** Number of restarts after which a failure is final: the container does not just wait for another component. */
const FINAL_RESTARTS = 3;

/** Returns true if all pods are of the current generation and available. */
export function isServerReady({ deployment: { metadata, spec, status } }: Pick<ServerFacts, "deployment">): boolean {
  const replicas = spec?.replicas ?? 1;
  return (
    (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0) &&
    status?.replicas === replicas &&
    status.updatedReplicas === replicas &&
    status.availableReplicas === replicas
  );
}

/** Returns the newest pod that is not being deleted: one that does not run, if there is one, because the others are not what an installation waits for. */
export function podToWatch(pods: readonly V1Pod[]): V1Pod | undefined {
  const created = ({ metadata }: V1Pod) => new Date(metadata?.creationTimestamp ?? 0).getTime();
  const runs = (pod: V1Pod) => (containerOf(pod)?.state?.running ? 1 : 0);
  return pods
    .filter(({ metadata }) => !metadata?.deletionTimestamp)
    .sort((a, b) => runs(a) - runs(b) || created(b) - created(a))[0];
}

/** Returns the reason why the server does not answer; `undefined` if none is known. */
export function serverFailure(facts: ServerFacts): ServerFailure | undefined {
  const pod = podToWatch(facts.pods);
  return volumeFailure(facts, pod) ?? rejectionFailure(facts) ?? (pod && podFailure(facts.part, pod));
}

/** Describes the current step of the start, for progress output. */
export function serverProgress({ part, pods }: ServerFacts): string {
  const pod = podToWatch(pods);
  if (!pod) return pods.length > 0 ? `waiting for the previous ${part} to stop` : "waiting for a pod";
  if (containerOf(pod)?.state?.running) return `the ${part} is starting`;
  const scheduled = pod.status?.conditions?.some(({ type, status }) => type === "PodScheduled" && status === "True");
  return scheduled ? "pulling the image and mounting the volume" : "waiting for a node";
}

function volumeFailure({ part, claim, events }: ServerFacts, pod: V1Pod | undefined): ServerFailure | undefined {
  if (part === "gateway") return undefined;
  const name = `${claim?.metadata?.namespace}/${claim?.metadata?.name}`;
  const lastMessage = (test: (event: CoreV1Event) => boolean) => events.filter(test).at(-1)?.message;
  const code = "VOLUME_UNBOUND";
  if (claim?.status?.phase !== "Bound") {
    const message = lastMessage(
      ({ involvedObject, type, reason }) =>
        involvedObject.kind === "PersistentVolumeClaim" && (type === "Warning" || reason === "FailedBinding"),
    );
    if (message === undefined) return undefined;
    const className = claim?.spec?.storageClassName;
    const source = className ? `the storage class "${className}"` : "the cluster's default storage class";
    return {
      code,
      detail: `The volume claim ${name} gets no volume from ${source}: ${message}. List the storage classes with "kubectl get storageclass", and choose one with --storage-class`,
      isFinal: /storageclass\S* "?[^"]*"? not found/i.test(message),
    };
  }
  if (pod && containerOf(pod)?.state?.running) return undefined;
  const message = lastMessage(({ reason = "" }) => reason === "FailedMount" || reason === "FailedAttachVolume");
  if (message === undefined || containerOf(pod)?.state?.waiting?.reason !== "ContainerCreating") return undefined;
  return { code, detail: `Cannot mount the volume of ${name}: ${message}`, isFinal: false };
}

function rejectionFailure({ part, deployment: { status } }: ServerFacts): ServerFailure | undefined {
  const condition = status?.conditions?.find(
    ({ type, status: value }) => type === "ReplicaFailure" && value === "True",
  );
  if (!condition) return undefined;
  const message = (condition.message ?? "").replace(/^pods "[^"]*" is forbidden: /, "");
  return {
    code: "POD_REFUSED",
    detail: `The cluster rejects the ${part}'s pod: ${message}`,
    isFinal: /violates PodSecurity/.test(message),
  };
}

function podFailure(part: ServerFacts["part"], pod: V1Pod): ServerFailure | undefined {
  const container = containerOf(pod);
  if (container) return containerFailure(part, container, pod);
  const unscheduled = pod.status?.conditions?.find(({ type, status }) => type === "PodScheduled" && status === "False");
  if (!unscheduled) return undefined;
  const { message = "" } = unscheduled;
  const portAdvice = part === "server" ? "choose another --expose" : "choose another --expose, or fewer --gateways";
  const advice = /free ports/.test(message) ? `; port ${SERVER.port} of the node is in use: ${portAdvice}` : "";
  return { code: "UNSCHEDULABLE", detail: `No node accepts the ${part}'s pod: ${message}${advice}`, isFinal: false };
}

function containerFailure(
  part: ServerFacts["part"],
  container: V1ContainerStatus,
  pod: V1Pod,
): ServerFailure | undefined {
  const { waiting, terminated } = container.state ?? {};
  const { reason = "", message = "" } = waiting ?? {};
  if (/^(ErrImagePull|ImagePullBackOff|InvalidImageName|RegistryUnavailable)$/.test(reason)) {
    const image = pod.spec?.containers[0]?.image ?? container.image;
    const cause = message.replace(/^Back-off pulling image "[^"]*":?\s*/, "").replace(/^ErrImagePull: /, "");
    return {
      code: "IMAGE_PULL_FAILED",
      detail: `The nodes cannot pull the ${part}'s image ${image}: ${cause || reason}. Set the registry's address for the nodes with --registry-pull. If it requires a password, run "docker login" before "faas install"`,
      isFinal: reason === "InvalidImageName" || FINAL_PULL_ERROR.test(cause),
    };
  }
  if (/^(CreateContainerConfigError|CreateContainerError|RunContainerError)$/.test(reason))
    return { code: "CONTAINER_REFUSED", detail: `Cannot start the ${part}'s container: ${message}`, isFinal: false };
  if (terminated) return { ...exitFailure(part, terminated, container, pod), logs: "current" };
  const previous = container.lastState?.terminated;
  if (reason !== "CrashLoopBackOff" || !previous) return undefined;
  return { ...exitFailure(part, previous, container, pod), logs: "previous" };
}

function exitFailure(
  part: ServerFacts["part"],
  { reason, exitCode }: NonNullable<V1ContainerState["terminated"]>,
  { restartCount }: V1ContainerStatus,
  pod: V1Pod,
): ServerFailure {
  const memory = pod.spec?.containers[0]?.resources?.limits?.memory;
  const how =
    reason === "OOMKilled"
      ? `used more memory than its limit of ${formatSize(parseSize(memory ?? "") ?? 0)}`
      : `ended with exit code ${exitCode}`;
  return {
    code: "SERVER_NOT_READY",
    detail: `The ${part} ${how}${restartCount > 0 ? `, ${restartCount + 1} times so far` : ""}`,
    isFinal: restartCount >= FINAL_RESTARTS,
  };
}

/** Returns the status of the pod's only container. */
const containerOf = (pod: V1Pod | undefined) => pod?.status?.containerStatuses?.[0];
