import { formatSize, type Limits, type LimitsUse, NO_RESOURCES, type OrgDetails, type OrgView } from "@faas/core";
import type { EndpointRegistry } from "@faas/gateway";
import type { AsyncCallService } from "../../async-calls/async-call-service.ts";
import type { StorageQuota } from "../../bundles/storage-quota.ts";
import { hostnamesOf } from "../../state/records.ts";
import type { Store } from "../../state/store.ts";

/** Builds the response body for an organization. */
export function viewOrg(org: string, store: Pick<Store, "org">, defaultLimits: Limits): OrgView {
  const { createdAt = "", endpoints = new Map(), limits } = store.org(org) ?? {};
  return {
    org,
    createdAt,
    ...(limits === undefined ? {} : { limits }),
    defaultLimits,
    endpoints: [...endpoints.keys()],
  };
}

export interface OrgDetailsDeps {
  readonly store: Pick<Store, "org">;
  readonly endpoints: EndpointRegistry;
  readonly storageQuota: Pick<StorageQuota, "used">;
  readonly defaultLimits: Limits;
  readonly asyncCalls: Pick<AsyncCallService, "use">;
}

/** Builds the response body for an organization, with what it uses of its limits now. */
export async function viewOrgDetails(org: string, deps: OrgDetailsDeps): Promise<OrgDetails> {
  const { store, endpoints, storageQuota, defaultLimits, asyncCalls } = deps;
  const view = viewOrg(org, store, defaultLimits);
  const runtime = endpoints.org(org);
  const reserved = runtime?.usage.reserved ?? NO_RESOURCES;
  const hostnames = [...(store.org(org)?.endpoints.values() ?? [])].flatMap(hostnamesOf).sort();
  const use: LimitsUse = {
    endpoints: view.endpoints.length,
    replicas: reserved.replicas,
    cpu: `${reserved.cpuMillis}m`,
    memory: formatSize(reserved.memoryBytes),
    disk: formatSize(reserved.diskBytes),
    requestsPerSecond: runtime?.meter.perSecond(performance.now()) ?? 0,
    concurrentRequests: runtime?.requests ?? 0,
    ...asyncCalls.use(org),
    bundleBytes: await storageQuota.used(org),
    ...(hostnames.length > 0 ? { hostnames } : {}),
  };
  return { ...view, use };
}
