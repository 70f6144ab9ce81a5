import type { EndpointRef, KeyRecord, Limits, ReplicaFailure, Revision } from "@faas/core";
import { NO_RESOURCES, type ReservedResources, replaceReserved, reservedBy } from "@faas/core";
import type { SecretRecords } from "./secret-records.ts";

export interface EndpointRecord {
  readonly createdAt: string;
  readonly updatedAt: string;
  /** What is served. */
  readonly current: Revision;
  /** `current` has not answered yet: it is the first deployment. */
  readonly unproven?: boolean;
  /** Deployed, and not yet answering; replaces `current` when it does. */
  readonly candidate?: Revision;
  /** Why the last deployment failed; gone with the next one. */
  readonly failure?: ReplicaFailure;
}

/** What is to serve: what is being deployed, or what serves. */
export const targetRevision = ({ current, candidate }: EndpointRecord): Revision => candidate ?? current;

/** What the endpoint is kept; NOTHING when there is none. */
export const keptByRecord = (record: EndpointRecord | null | undefined): ReservedResources =>
  record ? reservedBy(targetRevision(record).settings) : NO_RESOURCES;

/** All that it names. */
export const revisionsOf = ({ current, candidate }: EndpointRecord): readonly Revision[] =>
  candidate ? [current, candidate] : [current];

/** Digests of the bundles that endpoints name. */
export function* bundlesOf(records: Iterable<EndpointRecord>): Generator<string> {
  for (const record of records)
    for (const { artifact } of revisionsOf(record)) if (artifact.kind === "bundle") yield artifact.digest;
}

/** What is kept of an organization besides its endpoints. */
export interface OrgFields {
  readonly createdAt: string;
  /** Absent: none was set. */
  readonly limits?: Limits;
  /** Absent: none. */
  readonly secrets?: SecretRecords;
}

export interface OrgRecord extends OrgFields {
  readonly endpoints: ReadonlyMap<string, EndpointRecord>;
}

/** What one organization, one endpoint or one key is from now on; `null`: it is gone. Making the same change again changes nothing. */
export type Change =
  | { readonly key: string; readonly org?: undefined; readonly record: KeyRecord | null }
  | { readonly org: string; readonly endpoint?: undefined; readonly record: OrgFields | null }
  | { readonly org: string; readonly endpoint: string; readonly record: EndpointRecord | null };

interface Org {
  fields: OrgFields;
  kept: ReservedResources;
  readonly endpoints: Map<string, EndpointRecord>;
}

/** Organizations, endpoints and keys, in memory. A look-up and a change cost the same however many there are. */
export class State {
  readonly #orgs = new Map<string, Org>();
  /** By id. */
  readonly keys = new Map<string, KeyRecord>();

  names(): IterableIterator<string> {
    return this.#orgs.keys();
  }

  fields(org: string): OrgFields | undefined {
    return this.#orgs.get(org)?.fields;
  }

  endpoints(org: string): ReadonlyMap<string, EndpointRecord> | undefined {
    return this.#orgs.get(org)?.endpoints;
  }

  /** What all endpoints of an organization are kept together. */
  kept(org: string): ReservedResources {
    return this.#orgs.get(org)?.kept ?? NO_RESOURCES;
  }

  /** Throws when an endpoint's organization is not there. */
  apply(change: Change): void {
    if (change.org === undefined) {
      if (change.record === null) this.keys.delete(change.key);
      else this.keys.set(change.key, change.record);
      return;
    }
    const { org: name } = change;
    const org = this.#orgs.get(name);
    if (change.endpoint === undefined) {
      if (change.record === null) this.#orgs.delete(name);
      else {
        const fields = withLimits(change.record);
        if (org) org.fields = fields;
        else this.#orgs.set(name, { fields, kept: NO_RESOURCES, endpoints: new Map() });
      }
    } else if (org) putEndpoint(org, change.endpoint, change.record);
    else if (change.record !== null) throw new Error(`an endpoint of the organization "${name}", which is not there`);
  }

  /** As it is now; later changes do not show in it. */
  copy(): readonly (readonly [org: string, fields: OrgFields, endpoints: readonly [string, EndpointRecord][]])[] {
    return Array.from(this.#orgs, ([name, { fields, endpoints }]) => [name, fields, [...endpoints]]);
  }
}

function putEndpoint(org: Org, endpoint: string, record: EndpointRecord | null): void {
  const before = org.endpoints.get(endpoint);
  org.kept = replaceReserved(org.kept, keptByRecord(record), keptByRecord(before));
  if (record === null) org.endpoints.delete(endpoint);
  else org.endpoints.set(endpoint, record);
}

/** Servers before had a `quota`, of fewer limits. */
function withLimits(record: OrgFields & { readonly quota?: Limits }): OrgFields {
  const { quota, ...fields } = record;
  return quota === undefined ? record : { limits: quota, ...fields };
}

/** Changes upon a state that are not written yet: each is made upon the ones before, and the state shows none of them. */
export class Transaction {
  readonly changes: Change[] = [];
  readonly #state: State;
  readonly #orgs = new Map<string, OrgFields | null>();
  readonly #endpoints = new Map<string, Map<string, EndpointRecord | null>>();
  readonly #keys = new Map<string, KeyRecord | null>();

  constructor(state: State) {
    this.#state = state;
  }

  fields(org: string): OrgFields | undefined {
    const changed = this.#orgs.get(org);
    return changed === undefined ? this.#state.fields(org) : (changed ?? undefined);
  }

  endpoint({ org, endpoint }: EndpointRef): EndpointRecord | undefined {
    const changed = this.#endpoints.get(org)?.get(endpoint);
    return changed === undefined ? this.#state.endpoints(org)?.get(endpoint) : (changed ?? undefined);
  }

  /** All of an organization. */
  endpointsOf(org: string): ReadonlyMap<string, EndpointRecord> {
    const all = new Map(this.#state.endpoints(org));
    for (const [name, record] of this.#endpoints.get(org) ?? []) {
      if (record === null) all.delete(name);
      else all.set(name, record);
    }
    return all;
  }

  hasEndpoints(org: string): boolean {
    const there = this.#state.endpoints(org);
    let count = there?.size ?? 0;
    for (const [name, record] of this.#endpoints.get(org) ?? [])
      count += Number(record !== null) - Number(there?.has(name) ?? false);
    return count > 0;
  }

  key(id: string): KeyRecord | undefined {
    const changed = this.#keys.get(id);
    return changed === undefined ? this.#state.keys.get(id) : (changed ?? undefined);
  }

  /** Ids of an organization's keys. */
  keysOf(org: string): string[] {
    const ids = new Set([...this.#state.keys.keys(), ...this.#keys.keys()]);
    return [...ids].filter((id) => this.key(id)?.org === org);
  }

  putKey(key: string, record: KeyRecord | null): void {
    this.#keys.set(key, record);
    this.changes.push({ key, record });
  }

  putOrg(org: string, record: OrgFields | null): void {
    this.#orgs.set(org, record);
    this.changes.push({ org, record });
  }

  putEndpoint({ org, endpoint }: EndpointRef, record: EndpointRecord | null): void {
    let changed = this.#endpoints.get(org);
    if (!changed) {
      changed = new Map();
      this.#endpoints.set(org, changed);
    }
    changed.set(endpoint, record);
    this.changes.push({ org, endpoint, record });
  }
}
