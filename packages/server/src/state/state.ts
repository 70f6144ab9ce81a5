import {
  type EndpointRef,
  type KeyRecord,
  type Limits,
  NO_RESOURCES,
  type ReservedResources,
  replaceReserved,
  type Settings,
  type Subscription,
  type ToolSettings,
} from "@faas/core";
import { AddressOwners } from "./address-owners.ts";
import {
  bundlesOf,
  type Change,
  type EndpointRecord,
  keptBundlesOf,
  type OrgFields,
  reservedByRecord,
  servingRevision,
} from "./records.ts";

interface Org {
  fields: OrgFields;
  /** Running total over the endpoints. */
  reserved: ReservedResources;
  /** How many times the endpoints' revisions name each bundle, by digest. */
  readonly bundles: Map<string, number>;
  /** Subscriptions to events of the serving revisions, by endpoint: only those of endpoints that have some. */
  readonly subscriptions: Map<string, readonly Subscription[]>;
  /** Tools of the serving revisions, by endpoint: only those of endpoints that are tools. */
  readonly tools: Map<string, ToolSettings>;
  readonly endpoints: Map<string, EndpointRecord>;
}

const NO_BUNDLES: ReadonlyMap<string, number> = new Map();
const NO_SUBSCRIPTIONS: ReadonlyMap<string, readonly Subscription[]> = new Map();
const NO_TOOLS: ReadonlyMap<string, ToolSettings> = new Map();

/** Organizations, endpoints and keys, in memory. A look-up or a change costs the same however many there are. */
export class State {
  readonly #orgs = new Map<string, Org>();
  readonly #addresses = new AddressOwners();
  /** Keys by id. */
  readonly keys = new Map<string, KeyRecord>();

  /** Returns the names of the organizations. */
  names(): IterableIterator<string> {
    return this.#orgs.keys();
  }

  fields(org: string): OrgFields | undefined {
    return this.#orgs.get(org)?.fields;
  }

  endpoints(org: string): ReadonlyMap<string, EndpointRecord> | undefined {
    return this.#orgs.get(org)?.endpoints;
  }

  /** Returns the resources that are reserved for all endpoints of an organization. */
  reserved(org: string): ReservedResources {
    return this.#orgs.get(org)?.reserved ?? NO_RESOURCES;
  }

  /** Returns the digests of the bundles that an organization's revisions name, with how many times they do. */
  bundles(org: string): ReadonlyMap<string, number> {
    return this.#orgs.get(org)?.bundles ?? NO_BUNDLES;
  }

  /** Returns the endpoint with a revision that has a hostname, or the path of a webhook. */
  addressOwner(address: string): EndpointRef | undefined {
    return this.#addresses.get(address);
  }

  /** Returns the subscriptions of an organization's endpoints to events. */
  subscriptions(org: string): ReadonlyMap<string, readonly Subscription[]> {
    return this.#orgs.get(org)?.subscriptions ?? NO_SUBSCRIPTIONS;
  }

  /** Returns the endpoints of an organization that are tools. */
  tools(org: string): ReadonlyMap<string, ToolSettings> {
    return this.#orgs.get(org)?.tools ?? NO_TOOLS;
  }

  /** Applies a change. Throws when an endpoint's organization does not exist. */
  apply(change: Change): void {
    if (change.org === undefined) {
      if (change.record === null) this.keys.delete(change.key);
      else this.keys.set(change.key, change.record);
      return;
    }
    const { org: name } = change;
    const org = this.#orgs.get(name);
    if (change.endpoint === undefined) {
      if (change.record === null) {
        for (const [endpoint, record] of org?.endpoints ?? [])
          this.#addresses.replace({ org: name, endpoint }, record, undefined);
        this.#orgs.delete(name);
      } else {
        const fields = withLimits(change.record);
        if (org) org.fields = fields;
        else this.#orgs.set(name, newOrg(fields));
      }
    } else if (org) {
      const before = org.endpoints.get(change.endpoint);
      this.#addresses.replace({ org: name, endpoint: change.endpoint }, before, change.record ?? undefined);
      putEndpoint(org, change.endpoint, change.record);
    } else if (change.record !== null)
      throw new Error(`an endpoint belongs to the organization "${name}", which does not exist`);
  }

  /** Returns a copy that later changes do not affect. */
  copy(): readonly (readonly [org: string, fields: OrgFields, endpoints: readonly [string, EndpointRecord][]])[] {
    return Array.from(this.#orgs, ([name, { fields, endpoints }]) => [name, fields, [...endpoints]]);
  }
}

const NO_SETTINGS: Partial<Pick<Settings, "subscriptions" | "tool">> = {};

const newOrg = (fields: OrgFields): Org => ({
  ...{ fields, reserved: NO_RESOURCES },
  ...{ bundles: new Map(), subscriptions: new Map(), tools: new Map(), endpoints: new Map() },
});

function putEndpoint(org: Org, endpoint: string, record: EndpointRecord | null): void {
  const before = org.endpoints.get(endpoint);
  org.reserved = replaceReserved(org.reserved, reservedByRecord(record), reservedByRecord(before));
  // Most changes keep the same revisions.
  const namedBy = record?.kept === before?.kept ? bundlesOf : allBundlesOf;
  if (record) for (const digest of namedBy(record)) org.bundles.set(digest, (org.bundles.get(digest) ?? 0) + 1);
  if (before) for (const digest of namedBy(before)) forgetBundle(org.bundles, digest);
  const { subscriptions, tool } = record ? servingRevision(record).settings : NO_SETTINGS;
  if (subscriptions) org.subscriptions.set(endpoint, subscriptions);
  else org.subscriptions.delete(endpoint);
  if (tool) org.tools.set(endpoint, tool);
  else org.tools.delete(endpoint);
  if (record === null) org.endpoints.delete(endpoint);
  else org.endpoints.set(endpoint, record);
}

const allBundlesOf = (record: EndpointRecord): string[] => [...bundlesOf(record), ...keptBundlesOf(record)];

function forgetBundle(bundles: Map<string, number>, digest: string): void {
  const left = (bundles.get(digest) ?? 0) - 1;
  if (left > 0) bundles.set(digest, left);
  else bundles.delete(digest);
}

/** Reads the limits of records that older servers wrote: they had a `quota`, with fewer limits. */
function withLimits(record: OrgFields & { readonly quota?: Limits }): OrgFields {
  const { quota, ...fields } = record;
  return quota === undefined ? record : { limits: quota, ...fields };
}
