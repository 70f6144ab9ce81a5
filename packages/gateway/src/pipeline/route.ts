import { FaasError } from "@faas/core";
import { endpointNotFound, organizationNotFound } from "../endpoints/not-found.ts";
import type { EndpointRegistry } from "../endpoints/registry.ts";
import { checkEndpointPath, checkPath, originForm, withoutQuery } from "../http/request-path.ts";
import type { KeyVerifier } from "../keys/key-verifier.ts";
import { namedRevision } from "../split/named-revision.ts";
import { authenticateForOrg } from "./authorize.ts";
import type { Exchange, Pipeline } from "./exchange.ts";

/**
 * Finds the endpoint of the request's host, or in the path `/<org>/<endpoint>[@<revision or tag>][/rest][?query]`. Where keys are required, a missing endpoint and one that the caller cannot see get the
 * same error.
 * @throws INVALID_PATH, NOT_FOUND, UNAUTHENTICATED, ORG_NOT_FOUND, ENDPOINT_NOT_FOUND
 */
export function route(
  endpoints: EndpointRegistry,
  hasOrg: (org: string) => boolean,
  keys: KeyVerifier | undefined,
): Pipeline["route"] {
  const find = (exchange: Exchange, key: string) => {
    const endpoint = endpoints.get(key);
    if (endpoint !== undefined && !endpoint.isVariant) return endpoint;
    const named = namedRevision(key, exchange.endpointAtHost !== undefined, endpoints);
    if (named !== undefined) {
      exchange.revisionName = named.revision;
      return named.endpoint;
    }
    const slash = key.indexOf("/");
    // A stored call was authorized when it was accepted.
    if (keys && slash >= 0 && exchange.origin === "client") authenticateForOrg(exchange, keys, key.slice(0, slash));
    if (key === "" && !keys) throw pathTooShort(key, endpoints);
    throw notFound(key, hasOrg);
  };
  return (exchange) => {
    const url = originForm(exchange.request.url);
    const path = withoutQuery(url);
    const { endpointAtHost } = exchange;
    if (endpointAtHost !== undefined) {
      checkEndpointPath(path);
      return exchange.routeTo(find(exchange, endpointAtHost), "", url);
    }
    checkPath(path);
    const afterOrg = path.indexOf("/", 1);
    const afterEndpoint = afterOrg < 0 ? -1 : path.indexOf("/", afterOrg + 1);
    const prefix = afterEndpoint < 0 ? path : path.slice(0, afterEndpoint);
    const endpoint = find(exchange, prefix.slice(1));
    // The rest of the path and the query are passed on unchanged, byte for byte.
    if (afterEndpoint >= 0) exchange.routeTo(endpoint, prefix, url.slice(afterEndpoint));
    else exchange.routeTo(endpoint, prefix, `/${url.slice(path.length)}`);
  };
}

/** Endpoints that the error for a path without one names, at most. */
const MAX_NAMED = 5;

/**
 * Builds the error for a path that names no endpoint. A browser that opens the address of `faas dev` gets it.
 *
 * @param endpoints those that everybody may know of
 */
function pathTooShort(key: string, endpoints: EndpointRegistry | undefined): FaasError {
  const known = endpoints === undefined || endpoints.size > MAX_NAMED ? [] : Array.from(endpoints.values());
  const paths = known.flatMap(({ key, isVariant }) => (isVariant ? [] : [`/${key}`])).sort();
  const where =
    paths.length === 0
      ? '"faas list" shows the existing endpoints'
      : paths.length === 1
        ? `the only endpoint is at ${paths[0]}`
        : `the endpoints are at ${paths.join(", ")}`;
  return new FaasError("NOT_FOUND", `Expected a path /<org>/<endpoint>, got "/${key}"; ${where}`);
}

function notFound(key: string, hasOrg: (org: string) => boolean): FaasError {
  const [org = "", named = ""] = key.split("/");
  const [endpoint = ""] = named.split("@");
  if (endpoint === "") return pathTooShort(key, undefined);
  return hasOrg(org) ? endpointNotFound({ org, endpoint }) : organizationNotFound(org);
}
