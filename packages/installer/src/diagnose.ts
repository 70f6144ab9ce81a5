import { type ErrorCode, formatSize, parseSize } from "@faas/core";
import type {
  CoreV1Event,
  V1ContainerStatus,
  V1Deployment,
  V1PersistentVolumeClaim,
  V1Pod,
} from "@kubernetes/client-node";
import { SERVER } from "./manifests.ts";

/** Why the server of an installation does not answer, in our words. Pure. */

/** What the cluster tells of an installation. */
export interface ServerFacts {
  readonly deployment: V1Deployment;
  /** Of the Deployment. */
  readonly pods: readonly V1Pod[];
  readonly claim?: V1PersistentVolumeClaim;
  /** Of the newest pod and of the volume claim, oldest first. */
  readonly events: readonly CoreV1Event[];
}

export interface ServerTrouble {
  readonly code: ErrorCode;
  readonly detail: string;
  /** Waiting alone will not mend it. */
  readonly final: boolean;
  /** The container ran: its last lines say more. `previous`: another one took its place already. */
  readonly ran?: "this" | "previous";
}

const FINAL_PULL =
  /not found|manifest unknown|unauthorized|denied|forbidden|authentication required|no match for platform|invalid reference|server gave HTTP response/i;
/** A container that ended so often did not only wait for something. */
const FINAL_RESTARTS = 3;

/** Every pod is the present revision's, and it answers its ready probe. */
export function isServerReady({ deployment: { metadata, status } }: Pick<ServerFacts, "deployment">): boolean {
  return (
    (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0) &&
    status?.replicas === 1 &&
    status.updatedReplicas === 1 &&
    status.availableReplicas === 1
  );
}

/** The pod that is to serve: the newest that is not being deleted. */
export function newestPod(pods: readonly V1Pod[]): V1Pod | undefined {
  const created = ({ metadata }: V1Pod) => new Date(metadata?.creationTimestamp ?? 0).getTime();
  return pods.filter(({ metadata }) => !metadata?.deletionTimestamp).sort((a, b) => created(b) - created(a))[0];
}

/** What keeps the server from answering; `undefined` when nothing is known to be wrong. */
export function serverTrouble(facts: ServerFacts): ServerTrouble | undefined {
  const pod = newestPod(facts.pods);
  return volumeTrouble(facts, pod) ?? refusedTrouble(facts.deployment) ?? (pod && podTrouble(pod));
}

/** What it waits for, for the one who watches. */
export function serverProgress({ pods }: ServerFacts): string {
  const pod = newestPod(pods);
  if (!pod) return pods.length > 0 ? "the former server ends" : "no pod yet";
  const container = containerOf(pod);
  if (container?.state?.running) return "it starts";
  const scheduled = pod.status?.conditions?.some(({ type, status }) => type === "PodScheduled" && status === "True");
  return scheduled ? "its image is pulled, its volume mounted" : "a node is chosen";
}

function volumeTrouble({ claim, events }: ServerFacts, pod: V1Pod | undefined): ServerTrouble | undefined {
  const name = `${claim?.metadata?.namespace}/${claim?.metadata?.name}`;
  const last = (test: (event: CoreV1Event) => boolean) => events.filter(test).at(-1)?.message;
  if (claim?.status?.phase !== "Bound") {
    const message = last(
      ({ involvedObject, type, reason }) =>
        involvedObject.kind === "PersistentVolumeClaim" && (type === "Warning" || reason === "FailedBinding"),
    );
    if (message === undefined) return undefined;
    const wanted = claim?.spec?.storageClassName;
    return {
      code: "VOLUME_UNBOUND",
      detail: `The volume claim ${name} gets no volume from ${wanted ? `the storage class "${wanted}"` : "the cluster's default storage class"}: ${message}. "kubectl get storageclass" shows what there is; name one with --storage-class`,
      final: /storageclass\S* "?[^"]*"? not found/i.test(message),
    };
  }
  if (pod && containerOf(pod)?.state?.running) return undefined;
  const mount = last(({ reason = "" }) => reason === "FailedMount" || reason === "FailedAttachVolume");
  if (mount === undefined || containerOf(pod)?.state?.waiting?.reason !== "ContainerCreating") return undefined;
  return { code: "VOLUME_UNBOUND", detail: `The volume of ${name} cannot be mounted: ${mount}`, final: false };
}

function refusedTrouble({ status }: V1Deployment): ServerTrouble | undefined {
  const condition = status?.conditions?.find(({ type, status: is }) => type === "ReplicaFailure" && is === "True");
  if (!condition) return undefined;
  const message = (condition.message ?? "").replace(/^pods "[^"]*" is forbidden: /, "");
  return {
    code: "POD_REFUSED",
    detail: `The cluster refuses the server's pod: ${message}`,
    final: /violates PodSecurity/.test(message),
  };
}

function podTrouble(pod: V1Pod): ServerTrouble | undefined {
  const container = containerOf(pod);
  if (container) return containerTrouble(container, pod);
  const unscheduled = pod.status?.conditions?.find(({ type, status }) => type === "PodScheduled" && status === "False");
  if (!unscheduled) return undefined;
  const { message = "" } = unscheduled;
  const advice = /free ports/.test(message)
    ? `; port ${SERVER.port} of the node is taken: another --expose goes without it`
    : "";
  return { code: "UNSCHEDULABLE", detail: `No node takes the server's pod: ${message}${advice}`, final: false };
}

function containerTrouble(container: V1ContainerStatus, pod: V1Pod): ServerTrouble | undefined {
  const { waiting, terminated } = container.state ?? {};
  const { reason = "", message = "" } = waiting ?? {};
  const image = pod.spec?.containers[0]?.image ?? container.image;
  if (/^(ErrImagePull|ImagePullBackOff|InvalidImageName|RegistryUnavailable)$/.test(reason)) {
    const said = message.replace(/^Back-off pulling image "[^"]*":?\s*/, "").replace(/^ErrImagePull: /, "");
    return {
      code: "IMAGE_PULL_FAILED",
      detail: `The nodes cannot pull the server's image ${image}: ${said || reason}. --registry-pull says how they call the registry; "docker login" gives its password to the next "faas install"`,
      final: reason === "InvalidImageName" || FINAL_PULL.test(said),
    };
  }
  if (/^(CreateContainerConfigError|CreateContainerError|RunContainerError)$/.test(reason)) {
    return { code: "CONTAINER_REFUSED", detail: `The server's container cannot be started: ${message}`, final: false };
  }
  const ended = terminated ?? (reason === "CrashLoopBackOff" ? container.lastState?.terminated : undefined);
  if (!ended) return undefined;
  const memory = pod.spec?.containers[0]?.resources?.limits?.memory;
  const how =
    ended.reason === "OOMKilled"
      ? `used more memory than its limit of ${formatSize(parseSize(memory ?? "") ?? 0)}`
      : `ended with exit code ${ended.exitCode}`;
  return {
    code: "SERVER_NOT_READY",
    detail: `The server ${how}${container.restartCount > 0 ? `, ${container.restartCount + 1} times so far` : ""}`,
    final: container.restartCount >= FINAL_RESTARTS,
    ran: terminated ? "this" : "previous",
  };
}

const containerOf = (pod: V1Pod | undefined) =>
  pod?.status?.containerStatuses?.find(({ name }) => name === SERVER.container);
