import { type CanaryRequest, isCanaryActive, parseDuration } from "@faas/core";
import type { EndpointRecord } from "../state/records.ts";
import { withShares } from "../variants/traffic.ts";
import type { CanaryPlan, CanaryRecord } from "./canary-fields.ts";

/** Changes of the canary in the record of an endpoint. All functions are pure. */

const MINUTE_MS = 60_000;

/** Fills in what a request does not name. */
export function planOf(request: CanaryRequest, presentSticky: string | undefined): CanaryPlan {
  const { steps, every, maxErrorRate = 1, maxP95 = 1.5, timeout, sticky = presentSticky } = request;
  const everyMs = msOf(every, 2 * MINUTE_MS);
  return {
    steps,
    everyMs,
    timeoutMs: Math.max(everyMs, msOf(timeout, 24 * 60 * MINUTE_MS)),
    limits: { errorRate: maxErrorRate / 100, p95: maxP95 },
    ...(sticky === undefined ? {} : { sticky: sticky.toLowerCase() }),
  };
}

const msOf = (text: string | undefined, otherwise: number) =>
  (text === undefined ? undefined : parseDuration(text)) ?? otherwise;

/** Returns the canary of an endpoint that has not ended. */
export const activeCanary = ({ canary }: EndpointRecord): CanaryRecord | undefined =>
  canary !== undefined && isCanaryActive(canary.state) ? canary : undefined;

/** Returns the percentage of the calls that the new revision gets, or got last. */
export const shareOf = ({ plan, step, state }: CanaryRecord): number =>
  state === "starting" ? 0 : state === "promoting" || state === "promoted" ? 100 : (plan.steps[step] ?? 0);

/** Returns the record with a canary whose first replica is starting. The revision has to be kept already. A split ends. */
export function withCanary(record: EndpointRecord, revision: string, plan: CanaryPlan, now: string): EndpointRecord {
  const ended = withShares(record, undefined);
  const base = record.current.id;
  const canary: CanaryRecord = { revision, base, plan, state: "starting", step: 0, startedAt: now, stepAt: now };
  return { ...ended, traffic: { ...ended.traffic, canary: revision }, canary };
}

/** Returns the record in which the new revision has the share of a step. */
export function withStep(record: EndpointRecord, step: number, now: string): EndpointRecord {
  const canary = activeCanary(record);
  const share = canary?.plan.steps[step];
  if (canary === undefined || share === undefined) return record;
  const { seen: _, ...rest } = canary;
  const shares = { [canary.base]: 100 - share, [canary.revision]: share };
  return {
    ...withShares(record, shares, canary.plan.sticky),
    canary: { ...rest, state: "running", step, stepAt: now },
  };
}

/** Returns the record with the calls that were counted in the present step. */
export function withSeen(record: EndpointRecord, of: CanaryRecord, seen: CanaryRecord["seen"]): EndpointRecord {
  const { canary } = record;
  const isSame = canary?.revision === of.revision && canary.stepAt === of.stepAt && isCanaryActive(canary.state);
  return isSame && seen ? { ...record, canary: { ...canary, seen } } : record;
}

/** Returns the record in which a canary, if there is one, has ended. All calls go to the serving revision, unless they go to one that `keeps` names. */
export function withCanaryEnded(
  record: EndpointRecord,
  state: "rolled-back" | "replaced" | "promoted",
  reason: string,
  now: string,
): EndpointRecord {
  const canary = activeCanary(record);
  if (canary === undefined) return record;
  const hasShares = record.traffic?.shares?.[canary.revision] !== undefined;
  const { canary: _, ...traffic } = (hasShares ? withShares(record, undefined) : record).traffic ?? {};
  const { traffic: __, ...rest } = record;
  const ended: EndpointRecord = { ...rest, canary: { ...canary, state, reason, endedAt: now } };
  return Object.keys(traffic).length === 0 ? ended : { ...ended, traffic };
}

/** Returns the record after the begin of another deployment: that of the canary's revision promotes it, any other replaces it. */
export function afterDeployment(record: EndpointRecord, target: string, now: string): EndpointRecord {
  const canary = activeCanary(record);
  if (canary === undefined) {
    const { canary: _, ...rest } = record;
    return rest;
  }
  if (target === canary.revision) return { ...record, canary: { ...canary, state: "promoting" } };
  if (target === canary.base) return withCanaryEnded(record, "rolled-back", "it was rolled back by request", now);
  return withCanaryEnded(record, "replaced", `the revision ${target} was deployed`, now);
}
