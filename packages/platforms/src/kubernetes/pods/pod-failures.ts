import { type ErrorCode, formatSize, loadingLocation, parseSize } from "@faas/core";
import type { V1ContainerStatus, V1Pod } from "@kubernetes/client-node";
import { PORT } from "../reconcile/manifests/labels.ts";

/** Pure functions from the state of a pod to the reason why its replica does not run. */

/** Reason why a replica does not run, for the person who deployed it. */
export interface Failure {
  readonly code: ErrorCode;
  readonly detail: string;
  /** Exit code of a container that ended by itself. */
  readonly exitCode?: number;
  /** The container whose last log lines explain the failure: `previous` if another one has replaced it. Absent: no container ran. */
  readonly logs?: "current" | "previous";
  /** True if the node evicted the pod, which exists until somebody deletes it. */
  readonly evicted?: boolean;
  /** True if the replica may still start: the failure counts for calls that wait, not for later ones. */
  readonly passes?: boolean;
}

/** Returns why a pod without a container does not run: a node rejected or evicted it. */
export function podFailure({ status }: V1Pod): Failure | undefined {
  if (status?.phase !== "Failed") return undefined;
  return { code: "CONTAINER_REFUSED", detail: `The node rejected the pod: ${status.message ?? status.reason ?? ""}` };
}

type Terminated = NonNullable<NonNullable<V1ContainerStatus["state"]>["terminated"]>;

/** Message of a kubelet whose container runtime does not respond, or has just started. */
const RUNTIME_UNAVAILABLE =
  /code = Unavailable desc = (connection error|error reading from server|transport|closing)|dial unix |desc = server is not initialized yet/;
const PULL_REASONS =
  /^(ErrImagePull|ImagePullBackOff|InvalidImageName|ErrImageNeverPull|RegistryUnavailable|ImageInspectError)$/;
const START_REASONS = /^(CreateContainerConfigError|CreateContainerError|RunContainerError|PostStartHookError)$/;

/** Returns why a container does not run; `undefined` if it runs or is starting. */
export function containerFailure(
  container: V1ContainerStatus,
  memory: string | undefined,
  org: string,
): Failure | undefined {
  const { waiting, terminated } = container.state ?? {};
  if (terminated) return { ...exitFailure(terminated, memory), logs: "current" };
  const { reason = "", message = "" } = waiting ?? {};
  // A problem of the node, which passes when its container runtime is back. The image and the container are not at fault.
  if (RUNTIME_UNAVAILABLE.test(message)) return undefined;
  if (PULL_REASONS.test(reason))
    return { code: "IMAGE_PULL_FAILED", detail: pullFailure(container.image, reason, message) };
  const lost = /^couldn't find key (\w+)\.\w+ in Secret |^secret "faas-secrets" not found/.exec(message);
  if (reason === "CreateContainerConfigError" && lost)
    return { code: "SECRET_UNAVAILABLE", detail: lostSecret(org, lost[1]) };
  if (START_REASONS.test(reason))
    return { code: "CONTAINER_REFUSED", detail: `Cannot start the container of ${container.image}: ${message}` };
  const previous = container.lastState?.terminated;
  if (reason === "CrashLoopBackOff" && previous) {
    const exit = exitFailure(previous, memory);
    return { ...exit, detail: `${exit.detail}, ${container.restartCount + 1} times so far`, logs: "current" };
  }
  return undefined;
}

/**
 * Describes a secret whose value is missing in the cluster: its namespace was recreated, or the server's state is older than the cluster. Only the
 * person who set the value can restore it.
 */
const lostSecret = (org: string, name: string | undefined): string =>
  name === undefined
    ? `The values of ${org}'s secrets are no longer in the cluster: set them again with "faas secret set"`
    : `The value of the secret "${name}" is no longer in the cluster: set it again with "faas secret set ${org} ${name}"`;

const PASSWORD_ADVICE = '; "faas org registry-login" gives the cluster a password';

/** Replaces the advice of a failed pull by that for a lost registry login. */
export function withLostLoginAdvice(failure: Failure, advice: string): Failure {
  const { detail } = failure;
  const reason = detail.endsWith(PASSWORD_ADVICE) ? detail.slice(0, -PASSWORD_ADVICE.length) : detail;
  return { ...failure, detail: `${reason}; ${advice}` };
}

/** Describes a failed pull by the registry's own reason, without the messages around it. */
function pullFailure(image: string, reason: string, message: string): string {
  if (reason === "InvalidImageName") return `"${image}" is not an image reference: ${message}`;
  if (/no match for platform|does not match the specified platform|no matching manifest/.test(message))
    return `The image ${image} is for another CPU than that of the nodes: ${message}`;
  const match = /(?:ErrImagePull: )?(?:rpc error: code = \w+ desc = )?(.*)/s.exec(
    message.replace(/^Back-off pulling image "[^"]*":?\s*/, ""),
  );
  const cause = match?.[1]?.replace(/^failed to pull and unpack image "[^"]*": /, "") || reason;
  const advice = /unauthorized|denied|forbidden|401|403|no basic auth/i.test(cause) ? PASSWORD_ADVICE : "";
  return `The image ${image} cannot be pulled: ${cause}${advice}`;
}

/** Describes how a container ended. */
export function exitFailure(
  { reason, exitCode, signal, message }: Terminated,
  memory: string | undefined,
): Pick<Failure, "code" | "detail" | "exitCode"> {
  if (reason === "OOMKilled") {
    const limit = memory === undefined ? "its limit" : `its limit of ${formatSize(parseSize(memory) ?? 0)}`;
    return {
      code: "OUT_OF_MEMORY",
      detail: `The function used more memory than ${limit}; deploy it with a larger --memory`,
    };
  }
  if (reason === "StartError" || reason === "ContainerCannotRun")
    return { code: "CONTAINER_REFUSED", detail: `Cannot start the container's program: ${message ?? reason}` };
  if (!signal)
    return { code: "REPLICA_EXITED", detail: `The function's process ended with exit code ${exitCode}`, exitCode };
  return { code: "REPLICA_EXITED", detail: `The function's process ended by signal ${signal}` };
}

/** Exit of a container whose node did not report how it ended, before the pod was gone. */
export const UNEXPLAINED_EXIT: Failure = {
  code: "REPLICA_EXITED",
  detail: "The function's process ended; the cluster did not report how",
  logs: "current",
};

/** Tells whether something outside of a container killed it: it ended by SIGKILL or SIGTERM, and not for its memory. */
export const isKill = ({ exitCode }: Failure): boolean => exitCode === 137 || exitCode === 143;

/** Refines a failure by the last log lines: only these show that a program is for another CPU, and where the function was when its time was up. */
export function withLastLines(failure: Failure, lines: readonly string[]): Failure {
  const location = failure.code === "START_TIMEOUT" ? loadingLocation(lines) : undefined;
  if (location !== undefined) return { ...failure, detail: loadingDetail(failure.detail, location) };
  const line = lines.at(-1);
  if (failure.code !== "REPLICA_EXITED" || line === undefined || !/exec format error$/.test(line)) return failure;
  return {
    ...failure,
    code: "CONTAINER_REFUSED",
    detail: `Cannot start the container's program, it is for another CPU than that of the node: ${line}`,
  };
}

/** Describes a function that was still loading: the wrapper has said so, thus the port is not at fault. */
const loadingDetail = (detail: string, location: string) =>
  `${detail.replace(/^Nothing listens on port \d+, or the/, "The")}: it was at ${location}`;

/** Describes an image whose server does not answer the ready probe as a faas wrapper does. */
export function foreignServerFailure(status: number): Failure {
  return {
    code: "FUNCTION_LOAD_FAILED",
    detail:
      `The image answers on port ${PORT}, but not as a faas wrapper does (GET /-/ready gave ${status}). Build it with "faas deploy" or ` +
      '"faas build", or deploy a server of your own with --runtime dockerfile',
  };
}

/** Describes a pod that the kubelet can connect to, but not this control server. */
export function unreachableFailure(ip: string | undefined): Failure {
  return {
    code: "REPLICA_FAILED",
    detail:
      `Kubernetes reports the replica as ready, but this control server cannot connect to it at ${ip}:${PORT}. Pod addresses are not routed to ` +
      'its machine: run it in the cluster with "faas install", or on a node',
  };
}

/** Describes a replica that did not start in time. */
export function startTimeoutFailure(isRunning: boolean, startSeconds: number): Failure {
  const code = "START_TIMEOUT";
  if (!isRunning) return { code, detail: `The container did not start within ${startSeconds} s` };
  const detail = `Nothing listens on port ${PORT}, or the function did not load within ${startSeconds} s`;
  return { code, detail, logs: "current" };
}
