import { formatSize, type Limits, type LimitsUse, type OrgDetails, type OrgView } from "@faas/core";
import { type EndpointRegistry, resourcesOf } from "@faas/gateway";
import type { StorageQuota } from "../../bundles/storage-quota.ts";
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
}

/** Builds the response body for an organization, with what it uses of its limits now. */
export async function viewOrgDetails(org: string, deps: OrgDetailsDeps): Promise<OrgDetails> {
  const { store, endpoints, storageQuota, defaultLimits } = deps;
  const view = viewOrg(org, store, defaultLimits);
  const runtime = endpoints.org(org);
  const used = { replicas: 0, cpuMillis: 0, memoryBytes: 0 };
  for (const { spec, desired } of runtime?.endpoints ?? []) {
    const resources = resourcesOf(spec, Math.max(desired, spec.replicas));
    used.replicas += resources.replicas;
    used.cpuMillis += resources.cpuMillis;
    used.memoryBytes += resources.memoryBytes;
  }
  const use: LimitsUse = {
    endpoints: view.endpoints.length,
    replicas: used.replicas,
    cpu: `${used.cpuMillis}m`,
    memory: formatSize(used.memoryBytes),
    requestsPerSecond: runtime?.meter.perSecond(performance.now()) ?? 0,
    concurrentRequests: runtime?.requests ?? 0,
    bundleBytes: await storageQuota.used(org),
  };
  return { ...view, use };
}
