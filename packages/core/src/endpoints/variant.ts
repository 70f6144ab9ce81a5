import { ENDPOINT_NAME_MAX } from "../names.ts";
import type { EndpointRef } from "./endpoint-key.ts";

/**
 * A variant is a revision that runs beside the serving one, as an endpoint of its own with a derived name: `<endpoint>.<revision>`. Endpoints' names are labels
 * without dots, so that it cannot be another endpoint's (docs/decisions/0044-variants-and-traffic-split.md).
 */
export const variantRef = ({ org, endpoint }: EndpointRef, revision: string): EndpointRef => ({
  org,
  endpoint: `${endpoint}.${revision}`,
});

/** Returns the endpoint that a variant belongs to; any other endpoint belongs to itself. */
export function mainRef(ref: EndpointRef): EndpointRef {
  const dot = ref.endpoint.indexOf(".");
  return dot < 0 ? ref : { org: ref.org, endpoint: ref.endpoint.slice(0, dot) };
}

/** Returns the key, "org/endpoint", of the endpoint that the endpoint with a key belongs to. */
export function mainKey(key: string): string {
  const dot = key.indexOf(".");
  return dot < 0 ? key : key.slice(0, dot);
}

/** Returns the revision that a variant runs; undefined for any other endpoint. */
export function variantRevision({ endpoint }: EndpointRef): string | undefined {
  const dot = endpoint.indexOf(".");
  return dot < 0 ? undefined : endpoint.slice(dot + 1);
}

/** Length of a revision's id. */
const REVISION_LENGTH = 12;

/** Maximum length of the name of an endpoint with variants: the derived name is the value of a label, which has at most 63 characters on Kubernetes. */
export const VARIANT_ENDPOINT_MAX = ENDPOINT_NAME_MAX - 1 - REVISION_LENGTH;
