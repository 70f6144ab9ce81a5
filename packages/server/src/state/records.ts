import {
  artifactOf,
  bundleOf,
  type EndpointRef,
  hookPath,
  type ImageFollow,
  type KeyRecord,
  type Limits,
  NO_RESOURCES,
  type ReplicaFailure,
  type ReservedResources,
  type Revision,
  reservedBy,
  revisionsInTraffic,
  type Traffic,
  toolAddress,
  toolName,
} from "@faas/core";
import type { CanaryRecord } from "../canary/canary-fields.ts";
import {
  type KeptRevision,
  type PackedRevisions,
  packedBundles,
  packRevisions,
  retainedRevisions,
  unpackRevisions,
} from "./revisions/kept-revisions.ts";
import type { SecretRecords } from "./secret-records.ts";

/**
 * Record of an endpoint, as `state.json` and the journal hold it. Servers of older and newer releases read each other's files, so the fields keep
 * their names; code outside this file uses the functions below, which have the names of today.
 */
export interface EndpointRecord {
  readonly createdAt: string;
  readonly updatedAt: string;
  /** Serving revision. */
  readonly current: Revision;
  /** True while `current` has never been ready: it is the first deployment. */
  readonly unproven?: boolean;
  /** Revision that is being deployed; replaces `current` when it is ready. */
  readonly candidate?: Revision;
  /** Why the last deployment failed; removed with the next one. */
  readonly failure?: ReplicaFailure;
  /** Other revisions that can serve again, newest first. Absent: none. It can name the candidate, and, after an older server, `current`. */
  readonly kept?: PackedRevisions;
  /** Division of the calls among revisions. Absent: all go to `current`, and no other revision has an address. */
  readonly traffic?: Traffic;
  /** Last canary; removed with the next deployment. */
  readonly canary?: CanaryRecord;
  /** Tag whose images are deployed. Absent: none. */
  readonly follow?: ImageFollow;
}

/** Returns the revision that serves requests. */
export const servingRevision = ({ current }: EndpointRecord): Revision => current;

/** Returns the revision that should serve: the one that is being deployed, if there is one. */
export const targetRevision = ({ current, candidate }: EndpointRecord): Revision => candidate ?? current;

/** Returns the revision that is being deployed beside a serving one. */
export const candidateRevision = ({ candidate }: EndpointRecord): Revision | undefined => candidate;

/** True while the serving revision has never been ready, so that there is nothing to fall back to. */
export const awaitsFirstReady = ({ unproven }: EndpointRecord): boolean => unproven === true;

/** True while the target revision has neither been ready nor failed. */
export function isDeploying(record: EndpointRecord): boolean {
  return record.candidate !== undefined || (awaitsFirstReady(record) && record.failure === undefined);
}

/** Time after which an endpoint is removed whose first deployment failed, unless a deployment has begun or a replica of it got ready. */
export const FAILED_FIRST_MAX_MS = 24 * 60 * 60 * 1000;

/** True for an endpoint that has never served: its first deployment failed too long ago. */
export function isExpired(record: EndpointRecord, nowMs: number): boolean {
  if (!awaitsFirstReady(record) || record.failure === undefined) return false;
  return nowMs - Date.parse(record.updatedAt) > FAILED_FIRST_MAX_MS;
}

/** Returns every revision whose replicas run, or start with the next request. */
export function revisionsOf(record: EndpointRecord): readonly Revision[] {
  const { current, candidate, traffic } = record;
  const main = candidate ? [current, candidate] : [current];
  if (traffic === undefined) return main;
  const named = revisionsInTraffic(traffic);
  return [...main, ...keptRevisions(record).flatMap(({ revision }) => (named.has(revision.id) ? [revision] : []))];
}

/** Returns the revisions that can serve again, without the serving one and the candidate, newest first. */
export function keptRevisions(record: EndpointRecord): readonly KeptRevision[] {
  const { current, candidate } = record;
  return unpacked(record).filter(({ revision: { id } }) => id !== current.id && id !== candidate?.id);
}

const unpacked = ({ kept }: EndpointRecord): readonly KeptRevision[] =>
  kept === undefined ? [] : unpackRevisions(kept);

/** Returns the record with the newest of its revisions: at most `max`, including the serving one but not the candidate. */
export function withRetention(record: EndpointRecord, max: number): EndpointRecord {
  if (record.kept === undefined) return record;
  const kept = unpackRevisions(record.kept);
  // These stay however many there are. A candidate that is among the kept ones goes back there if it fails.
  const pinned = new Set(revisionsInTraffic(record.traffic)).add(targetRevision(record).id);
  const retained = retainedRevisions(kept, max - 1, pinned);
  return retained === kept ? record : withKept(record, retained);
}

function withKept(record: EndpointRecord, revisions: readonly KeptRevision[]): EndpointRecord {
  const { kept: _, ...rest } = record;
  return revisions.length === 0 ? rest : { ...rest, kept: packRevisions(revisions) };
}

/** Returns the record that keeps a revision which has not been its target. */
export function withRevisionKept(record: EndpointRecord, revision: Revision): EndpointRecord {
  const { current, candidate } = record;
  return [current.id, candidate?.id].includes(revision.id) ? record : withKeptFirst(record, { revision });
}

/** Returns the record with a revision in front of the kept ones. One that is kept already stays where it is. */
function withKeptFirst(record: EndpointRecord, added: KeptRevision): EndpointRecord {
  const kept = unpacked(record);
  if (kept.some(({ revision }) => revision.id === added.revision.id)) return record;
  return withKept(record, [added, ...kept]);
}

/** Returns the hostnames in the settings of the serving revision and of the candidate. */
export function hostnamesOf({ current, candidate }: EndpointRecord): readonly string[] {
  const serving = current.settings.hostnames ?? NO_HOSTNAMES;
  const target = candidate?.settings.hostnames ?? NO_HOSTNAMES;
  return target.length === 0 ? serving : [...new Set([...serving, ...target])];
}

const NO_HOSTNAMES: readonly string[] = [];

/** Returns the names that only one endpoint can have: hostnames, the paths of webhooks and the names of tools. */
export function addressesOf({ org, endpoint }: EndpointRef, record: EndpointRecord): readonly string[] {
  const { current, candidate } = record;
  const hooks = [...(current.settings.hooks ?? []), ...(candidate?.settings.hooks ?? [])];
  const tools = [current.settings.tool, candidate?.settings.tool].filter((tool) => tool !== undefined);
  const hostnames = hostnamesOf(record);
  if (hooks.length === 0 && tools.length === 0) return hostnames;
  const hookPaths = hooks.map(({ name }) => hookPath(org, name));
  const toolAddresses = tools.map((tool) => toolAddress(org, toolName(tool, { endpoint })));
  return [...hostnames, ...new Set([...hookPaths, ...toolAddresses])];
}

/** Returns the digests of the bundles of the serving revision and the candidate; a digest can occur twice. */
export const bundlesOf = (record: EndpointRecord): string[] =>
  revisionsOf(record).flatMap((revision) => bundleOf(artifactOf(revision)) ?? []);

/** Returns the digests of the bundles of kept revisions; a digest can occur more than once. */
export const keptBundlesOf = ({ kept }: EndpointRecord): string[] => (kept === undefined ? [] : packedBundles(kept));

/** Returns the resources that are reserved for an endpoint; `NO_RESOURCES` for a missing one. */
export const reservedByRecord = (record: EndpointRecord | null | undefined): ReservedResources =>
  record ? reservedBy(targetRevision(record).settings) : NO_RESOURCES;

/**
 * Returns the record with a revision as its target. A new endpoint serves it at once; with no replica until the first request there is nothing that
 * could show it is good, and nothing to fall back to either. The previous target is kept.
 */
export function withTarget(before: EndpointRecord | undefined, revision: Revision, now: string): EndpointRecord {
  if (!before) {
    const hasReplicas = revision.settings.replicas > 0;
    return { createdAt: now, updatedAt: now, current: revision, ...(hasReplicas ? { unproven: true } : {}) };
  }
  const { failure: _, candidate: __, ...rest } = withUnservedTargetKept(before, revision);
  // Back to the serving revision, or in place of one that was never ready: no candidate is needed.
  if (awaitsFirstReady(before)) return { ...rest, updatedAt: now, current: revision };
  if (before.current.id === revision.id)
    return { ...rest, updatedAt: now, current: withNamed(before.current, revision) };
  return { ...rest, updatedAt: now, candidate: revision };
}

/** Keeps a target revision that has never served, before another one takes its place. */
function withUnservedTargetKept(before: EndpointRecord, next: Revision): EndpointRecord {
  const { candidate, failure } = before;
  const target = targetRevision(before);
  if (target.id === next.id || (candidate === undefined && !awaitsFirstReady(before))) return before;
  return withKeptFirst(before, { revision: target, ...(failure?.revision === target.id && { failed: true }) });
}

/** Part of a revision that does not change its id. */
export type NamedParts = Pick<Revision, "set" | "warm">;

/** Returns the record with other named settings and another warm part in its target revision, whose content is the same. */
export function withNamedParts(before: EndpointRecord, named: NamedParts): EndpointRecord {
  const { current, candidate } = before;
  return candidate
    ? { ...before, candidate: withNamed(candidate, named) }
    : { ...before, current: withNamed(current, named) };
}

function withNamed({ set: _, warm: __, ...revision }: Revision, { set, warm }: NamedParts): Revision {
  return { ...revision, ...(set && { set }), ...(warm && { warm }) };
}

/** Returns the record after the revision has become ready: it serves, and the one before it is kept. */
export function withServing(before: EndpointRecord, revision: Revision, now: string): EndpointRecord {
  const { candidate: _, unproven: __, failure: ___, ...rest } = before;
  const { current } = before;
  const others = unpacked(before).filter(({ revision: { id } }) => id !== revision.id && id !== current.id);
  if (current.id === revision.id) return withKept({ ...rest, current: revision }, others);
  const replaced = { revision: current, ...(awaitsFirstReady(before) ? {} : { servedUntil: now }) };
  return withKept({ ...rest, current: revision }, [replaced, ...others]);
}

/** Returns the record after the deployment has failed: the serving revision, if it was ever ready, keeps serving. */
export function withFailure(before: EndpointRecord, failure: ReplicaFailure): EndpointRecord {
  const { candidate, ...rest } = before;
  if (!candidate) return { ...rest, failure };
  return withKeptFirst({ ...rest, failure }, { revision: candidate, failed: true });
}

/** Record of an organization without its endpoints. */
export interface OrgFields {
  readonly createdAt: string;
  /** Absent: none was set. */
  readonly limits?: Limits;
  /** Absent: none. */
  readonly secrets?: SecretRecords;
}

/** Record of an organization. */
export interface OrgRecord extends OrgFields {
  readonly endpoints: ReadonlyMap<string, EndpointRecord>;
}

/** New record of one organization, one endpoint or one key; `null` removes it. Applying the same change twice changes nothing. */
export type Change =
  | { readonly key: string; readonly org?: undefined; readonly record: KeyRecord | null }
  | { readonly org: string; readonly endpoint?: undefined; readonly record: OrgFields | null }
  | { readonly org: string; readonly endpoint: string; readonly record: EndpointRecord | null };
