import { formatSize, parseCpu, parseSize } from "@faas/core";
import type { V1Deployment } from "@kubernetes/client-node";
import type { Failure } from "../pods/pod-failures.ts";
import { DISK_RESOURCE, limitOfRequestedDisk } from "./manifests/disk.ts";
import { limitOfRequestedCpu } from "./manifests/endpoint.ts";
import { LABELS, QUOTA } from "./manifests/labels.ts";

/**
 * Returns why a Deployment's pods cannot be created: the organization's limits (a ResourceQuota) are used up, or pod security or an admission webhook
 * rejects the pods. `undefined` if they can; a pod that cannot be deleted is not a failure. Pure.
 */
export function deploymentFailure({ metadata, status }: V1Deployment): Failure | undefined {
  const condition = status?.conditions?.find(
    ({ type, status: value, reason }) => type === "ReplicaFailure" && value === "True" && reason !== "FailedDelete",
  );
  if (!condition) return undefined;
  const message = (condition.message ?? "").replace(/^pods "[^"]*" is forbidden: /, "");
  if (/exceeded quota/.test(message)) {
    const { replicas = 0, updatedReplicas = 0 } = status ?? {};
    const advice = replicas > updatedReplicas ? "; a new revision starts beside the one that serves" : "";
    return {
      code: "REPLICAS_LIMITED",
      detail: `The organization's limits do not allow another replica: ${quotaReason(message)}${advice}`,
    };
  }
  const missing = /no (PriorityClass) with name (\S+) was found|(RuntimeClass) "([^"]+)" not found/.exec(message);
  if (missing)
    return missingClass(metadata?.labels?.[LABELS.org] ?? "", missing[1] ?? missing[3], missing[2] ?? missing[4]);
  if (/violates PodSecurity/.test(message))
    return { code: "POD_REFUSED", detail: `The cluster's pod security rejects the replica: ${message}` };
  return { code: "POD_REFUSED", detail: `The cluster rejects the replica: ${message}` };
}

/** Describes a class that an admin chose for an organization's replicas, and that the cluster does not have. */
function missingClass(org: string, kind: string | undefined, name: string | undefined): Failure {
  const option = kind === "RuntimeClass" ? "--runtime-class" : "--priority-class";
  return {
    code: "POD_REFUSED",
    detail: `The cluster has no ${kind} "${name}", which the replicas of ${org} should have. Create it, or have an admin run: faas org limit ${org} ${option} NAME, or none`,
  };
}

/** Describes the used-up resources: in units of faas settings for the server's own ResourceQuota, otherwise in the cluster's words. */
function quotaReason(message: string): string {
  const match = new RegExp(`exceeded quota: ${QUOTA}, requested: (.*), used: (.*), limited: (.*)$`).exec(message);
  if (!match) return message;
  const [requested = {}, used = {}, limited = {}] = match
    .slice(1)
    .map((list) => Object.fromEntries(list.split(",").map((item) => item.trim().split("=")))) as Record<
    string,
    string
  >[];
  return Object.keys(requested)
    .map((resource) => {
      const { unit, format } = resourceUnit(resource);
      const [needed, inUse, limit] = [requested, used, limited].map((list) => format(list[resource] ?? ""));
      return `it needs ${needed}${unit}, and ${inUse} of ${limit} are in use`;
    })
    .join("; ");
}

function resourceUnit(resource: string): { readonly unit: string; readonly format: (quantity: string) => string } {
  if (resource === "pods") return { unit: " replica", format: (quantity) => quantity };
  if (resource === "requests.cpu")
    return { unit: " of CPU limit", format: (quantity) => `${limitOfRequestedCpu(parseCpu(quantity) ?? 0)}m` };
  if (resource === `requests.${DISK_RESOURCE}`)
    return { unit: " of disk limit", format: (quantity) => formatSize(limitOfRequestedDisk(parseSize(quantity) ?? 0)) };
  const [, device] = /^requests\.([^/]+\/.+)$/.exec(resource) ?? [];
  if (device !== undefined) return { unit: ` ${device}`, format: (quantity) => quantity };
  return { unit: " of memory", format: (quantity) => formatSize(parseSize(quantity) ?? 0) };
}
