import type { EndpointRegistry } from "../endpoints/registry.ts";
import type { ServedEndpoint } from "../endpoints/served-endpoint.ts";

/** An endpoint, and the revision or tag of it that an address names. */
export interface NamedRevision {
  readonly endpoint: ServedEndpoint;
  readonly revision: string;
}

/**
 * Finds what a key names that is not an endpoint's: `<org>/<endpoint>@<revision or tag>`, or at a host, where a label has no `@`, `<org>/<tag>--<endpoint>`.
 *
 * @param isHost the key is that of a host
 */
export function namedRevision(
  key: string,
  isHost: boolean,
  endpoints: Pick<EndpointRegistry, "get">,
): NamedRevision | undefined {
  const at = key.lastIndexOf("@");
  if (at >= 0) return found(key.slice(0, at), key.slice(at + 1), endpoints);
  const slash = key.indexOf("/");
  const dashes = isHost ? key.indexOf("--", slash) : -1;
  if (dashes < 0) return undefined;
  return found(`${key.slice(0, slash + 1)}${key.slice(dashes + 2)}`, key.slice(slash + 1, dashes), endpoints);
}

function found(key: string, revision: string, endpoints: Pick<EndpointRegistry, "get">): NamedRevision | undefined {
  const endpoint = endpoints.get(key);
  return endpoint === undefined || endpoint.isVariant ? undefined : { endpoint, revision };
}
