import type { EndpointRef, KeyRecord } from "@faas/core";
import { AddressOwners } from "./address-owners.ts";
import type { Change, EndpointRecord, OrgFields } from "./records.ts";
import type { State } from "./state.ts";

/** Changes on top of a state that are not written yet. Each sees the ones before; the state shows none of them. */
export class Transaction {
  readonly changes: Change[] = [];
  readonly #state: State;
  readonly #orgs = new Map<string, OrgFields | null>();
  readonly #endpoints = new Map<string, Map<string, EndpointRecord | null>>();
  readonly #keys = new Map<string, KeyRecord | null>();
  readonly #addresses: AddressOwners;

  constructor(state: State) {
    this.#state = state;
    this.#addresses = new AddressOwners((address) => state.addressOwner(address));
  }

  fields(org: string): OrgFields | undefined {
    const changed = this.#orgs.get(org);
    return changed === undefined ? this.#state.fields(org) : (changed ?? undefined);
  }

  endpoint({ org, endpoint }: EndpointRef): EndpointRecord | undefined {
    const changed = this.#endpoints.get(org)?.get(endpoint);
    return changed === undefined ? this.#state.endpoints(org)?.get(endpoint) : (changed ?? undefined);
  }

  /** Returns the endpoint with a revision that has a hostname, or the path of a webhook. */
  addressOwner(address: string): EndpointRef | undefined {
    return this.#addresses.get(address);
  }

  /** Returns all endpoints of an organization. */
  endpointsOf(org: string): ReadonlyMap<string, EndpointRecord> {
    const all = new Map(this.#state.endpoints(org));
    for (const [name, record] of this.#endpoints.get(org) ?? []) {
      if (record === null) all.delete(name);
      else all.set(name, record);
    }
    return all;
  }

  hasEndpoints(org: string): boolean {
    const existing = this.#state.endpoints(org);
    let count = existing?.size ?? 0;
    for (const [name, record] of this.#endpoints.get(org) ?? [])
      count += Number(record !== null) - Number(existing?.has(name) ?? false);
    return count > 0;
  }

  key(id: string): KeyRecord | undefined {
    const changed = this.#keys.get(id);
    return changed === undefined ? this.#state.keys.get(id) : (changed ?? undefined);
  }

  /** Returns the ids of an organization's keys. */
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
    this.#addresses.replace({ org, endpoint }, this.endpoint({ org, endpoint }), record ?? undefined);
    let changed = this.#endpoints.get(org);
    if (!changed) {
      changed = new Map();
      this.#endpoints.set(org, changed);
    }
    changed.set(endpoint, record);
    this.changes.push({ org, endpoint, record });
  }
}
