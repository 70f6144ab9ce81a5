import { type EndpointRef, endpointKey, FaasError, isHostnameAllowed, type Settings } from "@faas/core";

/**
 * Checks that an organization may have the hostnames of an endpoint.
 *
 * @param patterns entries of the organization's list
 * @throws HOSTNAME_NOT_ALLOWED
 */
export function checkHostnamesAllowed(
  { org }: EndpointRef,
  { hostnames = [] }: Pick<Settings, "hostnames">,
  patterns: readonly string[] = [],
): void {
  const rejected = hostnames.filter((hostname) => !isHostnameAllowed(hostname, patterns));
  if (rejected.length === 0) return;
  const allowed = patterns.length > 0 ? `it may use ${patterns.join(", ")}` : "no hostname is allowed for it";
  const entries = [...patterns, ...rejected].join(",");
  throw new FaasError(
    "HOSTNAME_NOT_ALLOWED",
    `The organization "${org}" may not use ${rejected.join(", ")}: ${allowed}. Ask an admin to run: faas org limit ${org} --hostnames '${entries}'`,
    { extensions: { hostnames: rejected } },
  );
}

/**
 * Checks that no other endpoint has a hostname. A hostname belongs to an endpoint as long as one of its revisions has it: the serving one, or the one that
 * is being deployed.
 *
 * @param canSee tells whether the caller can see an organization: only then the error names the endpoint
 * @throws HOSTNAME_TAKEN
 */
export function checkHostnamesFree(
  ref: EndpointRef,
  { hostnames = [] }: Pick<Settings, "hostnames">,
  ownerOf: (hostname: string) => EndpointRef | undefined,
  canSee: (org: string) => boolean,
): void {
  for (const hostname of hostnames) {
    const owner = ownerOf(hostname);
    if (owner === undefined || endpointKey(owner) === endpointKey(ref)) continue;
    const detail = canSee(owner.org)
      ? `The hostname ${hostname} belongs to ${endpointKey(owner)}. First run "faas config ${endpointKey(owner)} hostnames=" with the hostnames that it keeps, or remove it`
      : `The hostname ${hostname} belongs to an endpoint of another organization. Ask an admin of the server to free it`;
    throw new FaasError("HOSTNAME_TAKEN", detail, { extensions: { hostname } });
  }
}
