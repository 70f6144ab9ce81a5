/** Name of an endpoint with its organization. */
export interface EndpointRef {
  readonly org: string;
  readonly endpoint: string;
}

/** Formats an endpoint's name as `org/endpoint`, for maps and messages. */
export const endpointKey = (ref: EndpointRef): string => `${ref.org}/${ref.endpoint}`;

/** Parses the result of {@link endpointKey}. */
export function endpointRef(key: string): EndpointRef {
  const [org = "", endpoint = ""] = key.split("/");
  return { org, endpoint };
}
