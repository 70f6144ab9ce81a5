import {
  type EndpointRef,
  type EndpointSpec,
  endpointSpec,
  type Revision,
  revisionsInTraffic,
  type Traffic,
  type TrafficSplit,
  VARIANT_ENDPOINT_MAX,
  variantRef,
} from "@faas/core";
import { type EndpointRecord, revisionsOf, servingRevision } from "../state/records.ts";
import { liveTraffic } from "./traffic.ts";

/** Converts records of endpoints to what the platform and the gateways get: the endpoint itself, and its variants. */

/** Returns the spec of an endpoint: its serving revision, and the division of its calls. */
export function servedSpec(ref: EndpointRef, record: EndpointRecord, nowMs: number = Date.now()): EndpointSpec {
  const spec = endpointSpec(ref, servingRevision(record));
  const { traffic } = record;
  if (traffic === undefined) return spec;
  const { shares, sticky, tags } = liveTraffic(record, nowMs);
  return {
    ...spec,
    ...(shares === undefined ? {} : { split: splitOf(shares, sticky) }),
    ...(tags === undefined ? {} : { tags }),
  };
}

function splitOf(shares: Readonly<Record<string, number>>, sticky: string | undefined): TrafficSplit {
  const variants = Object.entries(shares).map(([revision, weight]) => ({ revision, weight }));
  return sticky === undefined ? { variants } : { variants, sticky };
}

/** Returns the specs of the variants of an endpoint, by revision. */
export function variantSpecs(
  ref: EndpointRef,
  record: EndpointRecord,
  nowMs: number = Date.now(),
): ReadonlyMap<string, EndpointSpec> {
  const specs = new Map<string, EndpointSpec>();
  if (record.traffic === undefined || !mayHaveVariants(ref)) return specs;
  const traffic = liveTraffic(record, nowMs);
  const known = new Map(revisionsOf(record).map((revision) => [revision.id, revision]));
  for (const id of variantRevisions(record, traffic)) {
    const revision = known.get(id);
    if (revision) specs.set(id, variantSpec(ref, revision, traffic));
  }
  return specs;
}

/** Returns whether the name of an endpoint leaves room for the derived names of variants. */
export const mayHaveVariants = ({ endpoint }: EndpointRef): boolean => endpoint.length <= VARIANT_ENDPOINT_MAX;

/** Returns the revisions that run beside the serving one: those with a share or a tag, previews, and the one that is kept warm. */
function variantRevisions(record: EndpointRecord, { shares = {}, ...others }: Traffic): ReadonlySet<string> {
  const positive = Object.fromEntries(Object.entries(shares).filter(([, share]) => share > 0));
  const ids = new Set(revisionsInTraffic({ ...others, shares: positive }));
  ids.delete(servingRevision(record).id);
  return ids;
}

/** Returns the spec of a variant. Without a share it reserves nothing: it starts with its first call, as any idle endpoint. */
function variantSpec(ref: EndpointRef, revision: Revision, { shares = {}, keptWarm }: Traffic): EndpointSpec {
  const { hostnames: _, warm, ...spec } = endpointSpec(ref, revision);
  const variant = { ...spec, ...variantRef(ref, revision.id), variantOf: ref.endpoint };
  if ((shares[revision.id] ?? 0) > 0) return warm === undefined ? variant : { ...variant, warm };
  // Not infinite: replicas that find no room may replace it.
  if (keptWarm?.revision === revision.id) return { ...variant, replicas: 0, idleTimeoutMs: KEPT_IDLE_MS };
  const { idleTimeoutMs } = spec;
  return { ...variant, replicas: 0, ...(idleTimeoutMs === Number.POSITIVE_INFINITY && { idleTimeoutMs: IDLE_MS }) };
}

/** Idle timeout of a variant that is kept warm: longer than it is kept. */
const KEPT_IDLE_MS = 30 * 24 * 60 * 60 * 1000;
/** Idle timeout of a variant without a share if its endpoint has none. */
const IDLE_MS = 5 * 60 * 1000;
