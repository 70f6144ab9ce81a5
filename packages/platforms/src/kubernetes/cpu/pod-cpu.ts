import type { ReplicaCpu } from "@faas/core";
import type { PodFacts } from "../pods/pod-facts.ts";
import { requestedCpuMillis } from "../reconcile/manifests/endpoint.ts";

/** CPU limit and request of a pod. */
export interface PodCpu {
  readonly limitMillis: number;
  readonly requestMillis: number;
}

/** Returns the CPU that a started pod should have: that of its endpoint's settings, or more. `undefined` for a pod whose endpoint's limit is unknown. */
export function desiredPodCpu(
  { endpointCpuMillis: base }: PodFacts,
  wanted: ReplicaCpu | undefined,
): PodCpu | undefined {
  if (base === undefined) return undefined;
  const limitMillis = Math.max(base, wanted?.limitMillis ?? base);
  const reservedMillis = Math.min(limitMillis, Math.max(base, wanted?.reservedMillis ?? base));
  return { limitMillis, requestMillis: requestedCpuMillis(reservedMillis) };
}

/** Returns the request that the node of a pod has room for in any case: it grants it already. */
export const grantedRequestMillis = ({ grantedCpuRequestMillis, endpointCpuMillis = 0 }: PodFacts): number =>
  grantedCpuRequestMillis ?? requestedCpuMillis(endpointCpuMillis);

/**
 * Returns what a pod can have of the CPU that it should have: no higher request than its node has granted, and nothing that was refused.
 *
 * @param refused limit and request that the API server refused; the pod keeps what it has in their place
 */
export function attainableCpu(desired: PodCpu, facts: PodFacts, refused: Partial<PodCpu>): PodCpu {
  const { limitMillis = Number.POSITIVE_INFINITY, requestMillis = Number.POSITIVE_INFINITY } = refused;
  const { cpuMillis = desired.limitMillis, cpuRequestMillis = desired.requestMillis } = facts;
  const possible = desired.requestMillis >= requestMillis ? cpuRequestMillis : desired.requestMillis;
  const request = Math.min(possible, grantedRequestMillis(facts));
  // A limit below the request is invalid.
  const limit = Math.max(desired.limitMillis, request);
  return { limitMillis: limit >= limitMillis ? cpuMillis : limit, requestMillis: request };
}

/** Builds the patch of a pod's resources; `undefined` if it has them. */
export function resourcesPatch({ cpuMillis, cpuRequestMillis }: PodFacts, { limitMillis, requestMillis }: PodCpu) {
  const limits = cpuMillis === limitMillis ? {} : { limits: { cpu: `${limitMillis}m` } };
  const isRequested = cpuRequestMillis === undefined || cpuRequestMillis === requestMillis;
  const requests = isRequested ? {} : { requests: { cpu: `${requestMillis}m` } };
  const resources = { ...limits, ...requests };
  return Object.keys(resources).length === 0 ? undefined : resources;
}
