import { type Preview, parseDuration, type Revision, type Traffic } from "@faas/core";
import { awaitsFirstReady, type EndpointRecord, servingRevision } from "../state/records.ts";

/** Changes of the division of an endpoint's calls among its revisions, in its record. All functions are pure. */

/** Time for which the previous revision is kept warm if the endpoint's settings do not say. */
const KEEP_WARM_MS = 10 * 60_000;

/** Returns the division of an endpoint's calls without what has expired. */
export function liveTraffic({ traffic = {}, ...record }: EndpointRecord, nowMs: number): Traffic {
  const { previews = {}, keptWarm, ...rest } = traffic;
  const isOver = (at: string | undefined) => at !== undefined && Date.parse(at) <= nowMs;
  const expired = Object.keys(previews).filter((revision) => isOver(previews[revision]?.expiresAt));
  if (expired.length === 0 && !isOver(keptWarm?.until)) return traffic;
  const stays = (revision: string) => !expired.includes(revision);
  // A tag goes with its preview, unless the revision has become more than that.
  const isOnlyPreview = (revision: string) =>
    !stays(revision) && revision !== record.current.id && rest.shares?.[revision] === undefined;
  return compact({
    ...rest,
    tags: pick(rest.tags ?? {}, ([, revision]) => !isOnlyPreview(revision)),
    previews: pick(previews, ([revision]) => stays(revision)),
    ...(keptWarm && !isOver(keptWarm.until) ? { keptWarm } : {}),
  });
}

/** Returns the record without what has expired. */
export const withoutExpired = (record: EndpointRecord, nowMs: number): EndpointRecord =>
  record.traffic === undefined ? record : withTraffic(record, liveTraffic(record, nowMs));

/** Returns when something of the division expires next, in milliseconds since the epoch; undefined if nothing does. */
export function nextExpiryMs({ traffic = {} }: EndpointRecord): number | undefined {
  const times = Object.values(traffic.previews ?? {}).flatMap(({ expiresAt }) => (expiresAt ? [expiresAt] : []));
  if (traffic.keptWarm) times.push(traffic.keptWarm.until);
  return times.length === 0 ? undefined : Math.min(...times.map((time) => Date.parse(time)));
}

/** Returns the record with a split: percent of the calls by revision. Without `shares`, all calls go to the serving revision. */
export function withShares(
  record: EndpointRecord,
  shares: Readonly<Record<string, number>> | undefined,
  sticky?: string,
): EndpointRecord {
  const { shares: _, sticky: __, ...rest } = record.traffic ?? {};
  const given = shares === undefined ? {} : { shares, ...(sticky === undefined ? {} : { sticky }) };
  return withTraffic(record, { ...rest, ...given });
}

/** Returns the record with a tag for a revision; without a revision, the tag is removed. */
export function withTag(record: EndpointRecord, tag: string, revision: string | undefined): EndpointRecord {
  const { tags = {}, ...rest } = record.traffic ?? {};
  const others = pick(tags, ([name]) => name !== tag);
  return withTraffic(record, { ...rest, tags: revision === undefined ? others : { ...others, [tag]: revision } });
}

/** Returns the record with a revision as a preview; without one, it is no longer a preview. */
export function withPreview(record: EndpointRecord, revision: string, preview: Preview | undefined): EndpointRecord {
  const { previews = {}, ...rest } = record.traffic ?? {};
  const others = pick(previews, ([id]) => id !== revision);
  return withTraffic(record, { ...rest, previews: preview ? { ...others, [revision]: preview } : others });
}

/**
 * Returns the record after the begin of a deployment. If a replica of the revision is ready beside the serving one, all calls go to it at once, until the
 * endpoint itself serves it; if it serves already, a split ends.
 */
export function withCallsTo(record: EndpointRecord, revision: string, isReady: boolean): EndpointRecord {
  if (servingRevision(record).id === revision) return withShares(record, undefined);
  return isReady ? withShares(record, { [revision]: 100 }) : record;
}

/** Returns the record without the revision that is kept warm. */
function withoutKeptWarm(record: EndpointRecord): EndpointRecord {
  const { keptWarm, ...rest } = record.traffic ?? {};
  return keptWarm === undefined ? record : withTraffic(record, rest);
}

/**
 * Returns the record after a rollout: the split ends, because all calls go to the new revision, and the one that served before is kept warm.
 *
 * @param before record before the rollout ended
 * @param after record in which the new revision serves
 */
export function afterRollout(before: EndpointRecord, after: EndpointRecord, nowMs: number): EndpointRecord {
  const serving = servingRevision(after);
  const previous = servingRevision(before);
  const ended = withPreview(withShares(after, undefined), serving.id, undefined);
  const keepMs = keepWarmMs(serving.settings);
  const isKept = previous.id !== serving.id && !awaitsFirstReady(before) && hasSameValues(previous, serving);
  if (!isKept || keepMs === 0) return withoutKeptWarm(ended);
  const keptWarm = { revision: previous.id, until: new Date(nowMs + keepMs).toISOString() };
  return withTraffic(ended, { ...ended.traffic, keptWarm });
}

/** True if a revision has no values of secrets but those of the next one: a value that was replaced or removed must not stay in use. */
const hasSameValues = ({ secrets = {} }: Revision, next: Revision) =>
  Object.entries(secrets).every(([name, version]) => next.secrets?.[name] === version);

const keepWarmMs = ({ keepWarm }: { readonly keepWarm?: string | undefined }) =>
  keepWarm === undefined ? KEEP_WARM_MS : (parseDuration(keepWarm) ?? KEEP_WARM_MS);

function withTraffic(record: EndpointRecord, traffic: Traffic): EndpointRecord {
  const { traffic: _, ...rest } = record;
  const left = compact(traffic);
  return Object.keys(left).length === 0 ? rest : { ...rest, traffic: left };
}

/** Removes empty fields. */
function compact({ tags = {}, previews = {}, ...rest }: Traffic): Traffic {
  return {
    ...rest,
    ...(Object.keys(tags).length === 0 ? {} : { tags }),
    ...(Object.keys(previews).length === 0 ? {} : { previews }),
  };
}

const pick = <Value>(
  record: Readonly<Record<string, Value>>,
  condition: (entry: [string, Value]) => boolean,
): Record<string, Value> => Object.fromEntries(Object.entries(record).filter(condition));
