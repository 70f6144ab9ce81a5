import { type EndpointRef, endpointKey, FaasError, nearest } from "@faas/core";
import type { EndpointRecord } from "../state/records.ts";
import type { RequestDeps } from "./app.ts";
import { noSuchOrg } from "./permissions.ts";

/** What the parameters of a route name. */
export const refOf = ({ org = "", endpoint = "" }: Readonly<Record<string, string>>): EndpointRef => ({
  org,
  endpoint,
});

/** Those of an organization. ORG_NOT_FOUND. */
export function* endpointsOf(org: string, deps: RequestDeps): Generator<[EndpointRef, EndpointRecord]> {
  for (const [endpoint, record] of requireOrg(org, deps).endpoints) yield [{ org, endpoint }, record];
}

/** ORG_NOT_FOUND, with the name that may have been meant, of those that who asks may know. */
export function requireOrg(org: string, { store, access }: RequestDeps) {
  const record = store.org(org);
  if (record) return record;
  const visible = [...store.orgs()].filter((each) => access.canSee(each));
  throw noSuchOrg(org, nearest(org, visible));
}

/** ORG_NOT_FOUND, ENDPOINT_NOT_FOUND. */
export function requireEndpoint(ref: EndpointRef, deps: RequestDeps) {
  const { endpoints } = requireOrg(ref.org, deps);
  const record = deps.store.endpoint(ref);
  if (record) return record;
  const near = nearest(ref.endpoint, endpoints.keys());
  throw new FaasError(
    "ENDPOINT_NOT_FOUND",
    `There is no endpoint "${endpointKey(ref)}"`,
    near ? { extensions: { suggestion: `${ref.org}/${near}` } } : {},
  );
}
