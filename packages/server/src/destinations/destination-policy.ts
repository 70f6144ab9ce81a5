import {
  type AllowedDestination,
  type EndpointRef,
  FaasError,
  findAllowedDestination,
  parseDestination,
  patternFor,
  type Settings,
} from "@faas/core";

/**
 * Checks that the asynchronous calls of an endpoint may be passed on to the URLs in its settings.
 *
 * @param patterns entries of the organization's list
 * @throws DESTINATION_NOT_ALLOWED
 */
export function checkDestinationsAllowed(
  { org }: EndpointRef,
  { async: { onSuccess, onFailure } = {} }: Pick<Settings, "async">,
  patterns: readonly string[] = [],
): void {
  for (const text of [onSuccess, onFailure]) {
    const destination = text === undefined ? undefined : parseDestination(text);
    if (destination?.kind === "url") allowedDestination(org, destination.url, patterns);
  }
}

/**
 * Returns the permission for a URL.
 *
 * @throws DESTINATION_NOT_ALLOWED
 */
export function allowedDestination(org: string, url: URL, patterns: readonly string[]): AllowedDestination {
  const found = findAllowedDestination(url, patterns);
  if (found !== undefined) return found;
  const rejected = patternFor(url);
  const allowed = patterns.length > 0 ? `those that may are ${patterns.join(", ")}` : "no URL is allowed for it";
  throw new FaasError(
    "DESTINATION_NOT_ALLOWED",
    `Calls of the organization "${org}" may not be passed on to ${rejected}: ${allowed}. Ask an admin to run: faas org limit ${org} --destinations '${[...patterns, rejected].join(",")}'`,
    { extensions: { destination: rejected } },
  );
}
