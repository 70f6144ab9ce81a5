import { formatSize, type Limits, type LimitsUse, NO_RESOURCES, type OrgDetails, type OrgView } from "@faas/core";
import type { EndpointRegistry } from "@faas/gateway";
import type { StorageQuota } from "../../bundles/storage-quota.ts";
import type { Store } from "../../state/store.ts";

/** An organization as the control API shows it. */
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

interface DetailsDeps {
  readonly store: Pick<Store, "org">;
  readonly endpoints: EndpointRegistry;
  readonly bundleRoom: StorageQuota;
  readonly defaultLimits: Limits;
}

/** The same with what it takes now. */
export async function viewOrgDetails(org: string, deps: DetailsDeps): Promise<OrgDetails> {
  const { store, endpoints, bundleRoom, defaultLimits } = deps;
  const view = viewOrg(org, store, defaultLimits);
  const live = endpoints.org(org);
  const reserved = live?.usage.reserved ?? NO_RESOURCES;
  const use: LimitsUse = {
    endpoints: view.endpoints.length,
    replicas: reserved.replicas,
    cpu: `${reserved.cpuMillis}m`,
    memory: formatSize(reserved.memoryBytes),
    requestsPerSecond: live?.meter.perSecond(performance.now()) ?? 0,
    concurrentRequests: live?.requests ?? 0,
    bundleBytes: await bundleRoom.used(org),
  };
  return { ...view, use };
}
