import { type ErrorCode, formatSize, parseCpu, parseSize } from "@faas/core";
import type { V1ContainerStatus, V1Deployment, V1Pod } from "@kubernetes/client-node";
import { lostLogin } from "../organizations/pull-secrets.ts";
import { CONTAINER, CPU_LIMIT, LABELS, limitOfRequestedCpu, PORT, QUOTA } from "../reconcile/manifests.ts";

/** What Kubernetes says of a pod or a Deployment, in our words. Pure. */

/** Why something does not run, for the person who deployed it. */
export interface Failure {
  readonly code: ErrorCode;
  readonly detail: string;
  /** The container ran, so that its last lines say more. `previous`: another one took its place already. */
  readonly ran?: "this" | "previous";
}

/** The part of a pod that the platform follows. A pod's container that was started again is another replica. */
export interface PodFacts {
  readonly pod: string;
  readonly namespace: string;
  readonly org: string;
  readonly endpoint: string;
  readonly revision: string;
  /** The replica's id: the pod's name, and how often its container was started again. */
  readonly replica: string;
  readonly restarts: number;
  readonly ip?: string;
  readonly deleting: boolean;
  /** Kubernetes takes it for ready; that comes up to a second later than we do. */
  readonly isReady: boolean;
  /** Since when its container runs; milliseconds since the epoch. */
  readonly runningSinceMs?: number;
  /** CPU limit that the pod asks for now, and the one that the node enforces. */
  readonly cpuMillis?: number;
  readonly enforcedCpuMillis?: number;
  /** The one that it is to have once it has started. */
  readonly ownCpuMillis?: number;
  /** It does not run, and waiting alone will not mend it. */
  readonly trouble?: Failure;
  /** How the container before this one ended. */
  readonly formerEnd?: Failure;
  /** No node takes it; that may pass. */
  readonly unschedulable?: string;
  /** A node was chosen for it. */
  readonly scheduled: boolean;
}

/** Of the container that a pod has after so many restarts. */
export const replicaId = (pod: string, restarts: number) => (restarts === 0 ? pod : `${pod}.${restarts}`);

export function podFacts(pod: V1Pod): PodFacts {
  const { metadata = {}, spec, status } = pod;
  const labels = metadata.labels ?? {};
  const container = status?.containerStatuses?.find(({ name }) => name === CONTAINER);
  const restarts = container?.restartCount ?? 0;
  const name = metadata.name ?? "";
  const started = container?.state?.running?.startedAt;
  const scheduled = status?.conditions?.find(({ type }) => type === "PodScheduled");
  const memory = spec?.containers.find((one) => one.name === CONTAINER)?.resources?.limits?.memory;
  const org = labels[LABELS.org] ?? "";
  const trouble = container ? containerTrouble(container, memory, org) : podTrouble(pod);
  const former = container?.lastState?.terminated;
  const cpu = (text: string | undefined) => (text === undefined ? undefined : parseCpu(text));
  const cpuMillis = cpu(spec?.containers.find((one) => one.name === CONTAINER)?.resources?.limits?.cpu);
  const own = Number(metadata.annotations?.[CPU_LIMIT]);
  const enforced = cpu(container?.resources?.limits?.cpu);
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
    isReady: status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") ?? false,
    ...(started === undefined ? {} : { runningSinceMs: new Date(started).getTime() }),
    ...(cpuMillis === undefined ? {} : { cpuMillis }),
    ...(enforced === undefined ? {} : { enforcedCpuMillis: enforced }),
    ...(own > 0 ? { ownCpuMillis: own } : {}),
    ...(trouble ? { trouble } : {}),
    ...(former ? { formerEnd: { ...endTrouble(former, memory), ran: "previous" } } : {}),
    scheduled: spec?.nodeName !== undefined,
    ...(scheduled?.status === "False" ? { unschedulable: scheduled.message ?? scheduled.reason ?? "" } : {}),
  };
}

/** A pod that a node refused or gave up: it has no container. */
function podTrouble({ status }: V1Pod): Failure | undefined {
  if (status?.phase !== "Failed") return undefined;
  return { code: "CONTAINER_REFUSED", detail: `The node gave the pod up: ${status.message ?? status.reason ?? ""}` };
}

type Terminated = NonNullable<NonNullable<V1ContainerStatus["state"]>["terminated"]>;

/** What a kubelet says whose container runtime does not answer, or has just started. */
const RUNTIME_AWAY =
  /code = Unavailable desc = (connection error|error reading from server|transport|closing)|dial unix |desc = server is not initialized yet/;

function containerTrouble(container: V1ContainerStatus, memory: string | undefined, org: string): Failure | undefined {
  const { waiting, terminated } = container.state ?? {};
  if (terminated) return { ...endTrouble(terminated, memory), ran: "this" };
  const { reason = "", message = "" } = waiting ?? {};
  // The node's own affair, over as soon as the runtime is back: nothing is wrong with the image or the container.
  if (RUNTIME_AWAY.test(message)) return undefined;
  if (
    /^(ErrImagePull|ImagePullBackOff|InvalidImageName|ErrImageNeverPull|RegistryUnavailable|ImageInspectError)$/.test(
      reason,
    )
  ) {
    return { code: "IMAGE_PULL_FAILED", detail: pullReason(container.image, reason, message) };
  }
  const lost = /^couldn't find key (\w+)\.\w+ in Secret |^secret "faas-secrets" not found/.exec(message);
  if (reason === "CreateContainerConfigError" && lost)
    return { code: "SECRET_UNAVAILABLE", detail: lostSecret(org, lost[1]) };
  if (/^(CreateContainerConfigError|CreateContainerError|RunContainerError|PostStartHookError)$/.test(reason)) {
    return { code: "CONTAINER_REFUSED", detail: `The container of ${container.image} cannot be started: ${message}` };
  }
  const former = container.lastState?.terminated;
  if (reason === "CrashLoopBackOff" && former) {
    const { code, detail } = endTrouble(former, memory);
    return { code, detail: `${detail}, ${container.restartCount + 1} times so far`, ran: "this" };
  }
  return undefined;
}

/** Its namespace was made anew, or the state is older than the cluster. Nobody but who set it has the value. */
const lostSecret = (org: string, name: string | undefined): string =>
  name === undefined
    ? `The values of ${org}'s secrets are no longer in the cluster: give them again with "faas secret set"`
    : `The value of the secret "${name}" is no longer in the cluster: give it again with "faas secret set ${org} ${name}"`;

const PASSWORD_ADVICE = '; "faas org registry-login" gives the cluster a password';

/** The same of an organization whose login for the registry is lost. */
export function withLostLogin(facts: PodFacts): PodFacts {
  const { trouble, org } = facts;
  if (trouble?.code !== "IMAGE_PULL_FAILED") return facts;
  const said = trouble.detail.endsWith(PASSWORD_ADVICE)
    ? trouble.detail.slice(0, -PASSWORD_ADVICE.length)
    : trouble.detail;
  return { ...facts, trouble: { ...trouble, detail: `${said}; ${lostLogin(org)}` } };
}

/** The registry's own reason, without the layers of words around it. */
function pullReason(image: string, reason: string, message: string): string {
  if (reason === "InvalidImageName") return `"${image}" is no image reference: ${message}`;
  if (/no match for platform|does not match the specified platform|no matching manifest/.test(message))
    return `The image ${image} is for another CPU than the nodes': ${message}`;
  const said = /(?:ErrImagePull: )?(?:rpc error: code = \w+ desc = )?(.*)/s.exec(
    message.replace(/^Back-off pulling image "[^"]*":?\s*/, ""),
  );
  const words = said?.[1]?.replace(/^failed to pull and unpack image "[^"]*": /, "") || reason;
  const advice = /unauthorized|denied|forbidden|401|403|no basic auth/i.test(words) ? PASSWORD_ADVICE : "";
  return `The image ${image} cannot be pulled: ${words}${advice}`;
}

function endTrouble({ reason, exitCode, signal, message }: Terminated, memory: string | undefined): Failure {
  if (reason === "OOMKilled") {
    const limit = memory === undefined ? "its limit" : `its limit of ${formatSize(parseSize(memory) ?? 0)}`;
    return {
      code: "OUT_OF_MEMORY",
      detail: `The function used more memory than ${limit}; deploy it with a larger --memory`,
    };
  }
  if (reason === "StartError" || reason === "ContainerCannotRun") {
    return { code: "CONTAINER_REFUSED", detail: `The container's program cannot be started: ${message ?? reason}` };
  }
  const how = signal ? `by signal ${signal}` : `with exit code ${exitCode}`;
  return { code: "REPLICA_EXITED", detail: `The function's process ended ${how}` };
}

/** Why a Deployment gets no pods at all: the organization's limits, a ResourceQuota here, are used up, or pod security, an admission webhook … refuses them. */
export function deploymentTrouble({ status }: V1Deployment): Failure | undefined {
  const condition = status?.conditions?.find(({ type, status: is }) => type === "ReplicaFailure" && is === "True");
  if (!condition) return undefined;
  const message = (condition.message ?? "").replace(/^pods "[^"]*" is forbidden: /, "");
  if (/exceeded quota/.test(message)) {
    const { replicas = 0, updatedReplicas = 0 } = status ?? {};
    const advice = replicas > updatedReplicas ? "; a new revision starts beside the one that serves" : "";
    return {
      code: "REPLICAS_LIMITED",
      detail: `The organization's limits have no room for a replica: ${quotaReason(message)}${advice}`,
    };
  }
  if (/violates PodSecurity/.test(message))
    return { code: "POD_REFUSED", detail: `The cluster's pod security refuses the replica: ${message}` };
  return { code: "POD_REFUSED", detail: `The cluster refuses the replica: ${message}` };
}

/** What is used up: in numbers of our settings when the ResourceQuota is ours, else in the cluster's words. */
function quotaReason(message: string): string {
  const said = new RegExp(`exceeded quota: ${QUOTA}, requested: (.*), used: (.*), limited: (.*)$`).exec(message);
  if (!said) return message;
  const [requested = {}, used = {}, limited = {}] = said
    .slice(1)
    .map((list) => Object.fromEntries(list.split(",").map((item) => item.trim().split("=")))) as Record<
    string,
    string
  >[];
  return Object.keys(requested)
    .map((resource) => {
      const { what, amount } = quotaWords(resource);
      const [wants, taken, most] = [requested, used, limited].map((list) => amount(list[resource] ?? ""));
      return `it needs ${wants}${what}, and ${taken} of ${most} are taken`;
    })
    .join("; ");
}

function quotaWords(resource: string): { readonly what: string; readonly amount: (quantity: string) => string } {
  if (resource === "pods") return { what: " replica", amount: (quantity) => quantity };
  if (resource === "requests.cpu")
    return { what: " of CPU limit", amount: (quantity) => `${limitOfRequestedCpu(parseCpu(quantity) ?? 0)}m` };
  return { what: " of memory", amount: (quantity) => formatSize(parseSize(quantity) ?? 0) };
}

/** The same with what the last lines say: a runtime cannot tell why a program of its does not begin. */
export function withLastLines(trouble: Failure, lines: readonly string[]): Failure {
  const line = lines.at(-1);
  if (trouble.code !== "REPLICA_EXITED" || line === undefined || !/exec format error$/.test(line)) return trouble;
  return {
    ...trouble,
    code: "CONTAINER_REFUSED",
    detail: `The container's program cannot be started, it is for another CPU than the node's: ${line}`,
  };
}

/** A ready probe's answer that no wrapper of ours gives. */
export function foreignTrouble(status: number): Failure {
  return {
    code: "FUNCTION_LOAD_FAILED",
    detail:
      `The image answers on port ${PORT}, but not as a faas wrapper does (GET /-/ready gave ${status}). Build it with "faas deploy" or ` +
      '"faas build", or deploy a server of your own with --runtime dockerfile',
  };
}

/** The kubelet reaches a pod, and the control server does not. */
export function unreachableTrouble({ ip }: PodFacts): Failure {
  return {
    code: "REPLICA_FAILED",
    detail:
      `Kubernetes says that the replica is ready, and this control server cannot connect to it at ${ip}:${PORT}. Pod addresses are not routed to ` +
      'where it runs: put it into the cluster with "faas install", or run it on a node',
  };
}

export function startTimeoutTrouble(facts: PodFacts, startSeconds: number): Failure {
  const since = `within ${startSeconds} s`;
  return {
    code: "START_TIMEOUT",
    detail:
      facts.runningSinceMs === undefined
        ? `The container was not started ${since}`
        : `The function was not loaded ${since}, or nothing listens on port ${PORT}`,
    ...(facts.runningSinceMs === undefined ? {} : { ran: "this" }),
  };
}
