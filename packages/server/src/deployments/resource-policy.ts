import {
  type EndpointRef,
  type ExtendedResources,
  endpointKey,
  FaasError,
  formatResourceCounts,
  type Settings,
} from "@faas/core";

/**
 * Checks that an organization may use the extended resources of an endpoint, and as many as its minimum replicas need. The platform limits their sum over
 * all replicas of the organization.
 *
 * @param allowed extended resources of the organization
 * @throws RESOURCE_NOT_ALLOWED, LIMIT_EXCEEDED
 */
export function checkResourcesAllowed(
  ref: EndpointRef,
  { resources = {}, replicas }: Pick<Settings, "resources" | "replicas">,
  allowed: ExtendedResources = {},
): void {
  for (const [name, count] of Object.entries(resources)) {
    const limit = allowed[name];
    if (limit === undefined) throw notAllowed(ref.org, { ...allowed, [name]: count }, name);
    const asked = count * Math.max(1, replicas);
    if (asked <= limit) continue;
    throw new FaasError(
      "LIMIT_EXCEEDED",
      `The limits of the organization "${ref.org}" have no room for ${endpointKey(ref)}: it asks for ${asked} ${name}, and the limit is ${limit}; "faas org describe ${ref.org}" shows all limits`,
      { extensions: { limit: "resources", resource: name, asked, allowed: limit } },
    );
  }
}

function notAllowed(org: string, entries: ExtendedResources, name: string): FaasError {
  const others = formatResourceCounts(entries).filter((entry) => !entry.startsWith(`${name}=`));
  const allowed = others.length > 0 ? `it may use ${others.join(", ")}` : "no extended resource is allowed for it";
  return new FaasError(
    "RESOURCE_NOT_ALLOWED",
    `The organization "${org}" may not use ${name}: ${allowed}. Ask an admin to run: faas org limit ${org} --resources '${formatResourceCounts(entries).join(",")}'`,
    { extensions: { resource: name } },
  );
}
