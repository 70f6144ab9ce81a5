import { type EndpointRef, nearest } from "@faas/core";
import { endpointNotFound, organizationNotFound } from "@faas/gateway";
import type { EndpointRecord } from "../state/records.ts";
import type { Store } from "../state/store.ts";
import type { Permissions } from "./permissions.ts";

type OrgSource = Pick<Store, "org" | "orgs">;

/**
 * Lists the endpoints of an organization.
 * @throws ORG_NOT_FOUND
 */
export function* endpointsOf(
  org: string,
  store: OrgSource,
  permissions: Permissions,
): Generator<[EndpointRef, EndpointRecord]> {
  for (const [endpoint, record] of requireOrg(org, store, permissions).endpoints) yield [{ org, endpoint }, record];
}

/**
 * Returns the record of an organization.
 * @throws ORG_NOT_FOUND with a similar name that the key can see
 */
export function requireOrg(org: string, store: OrgSource, permissions: Permissions) {
  const record = store.org(org);
  if (record) return record;
  const visible = [...store.orgs()].filter((each) => permissions.canSee(each));
  throw organizationNotFound(org, nearest(org, visible));
}

/**
 * Returns the record of an endpoint.
 * @throws ORG_NOT_FOUND
 * @throws ENDPOINT_NOT_FOUND with a similar name
 */
export function requireEndpoint(
  ref: EndpointRef,
  store: OrgSource & Pick<Store, "endpoint">,
  permissions: Permissions,
): EndpointRecord {
  const { endpoints } = requireOrg(ref.org, store, permissions);
  const record = store.endpoint(ref);
  if (record) return record;
  const similar = nearest(ref.endpoint, endpoints.keys());
  throw endpointNotFound(ref, similar === undefined ? undefined : `${ref.org}/${similar}`);
}
