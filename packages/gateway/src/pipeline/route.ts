import { FaasError } from "@faas/core";
import { endpointNotFound, organizationNotFound } from "../endpoints/not-found.ts";
import type { EndpointRegistry } from "../endpoints/registry.ts";
import { checkEndpointPath, checkPath, originForm } from "../http/request-path.ts";
import { authenticateForOrg } from "./authorize.ts";
import type { Exchange, Pipeline } from "./exchange.ts";
import type { KeyVerifier } from "./key-verifier.ts";

/**
 * Finds the endpoint of the request's host, or in the path `/<org>/<endpoint>[/rest][?query]`. Where keys are required, a missing endpoint and one that the caller cannot see get the
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
    if (endpoint !== undefined) return endpoint;
    const slash = key.indexOf("/");
    if (keys && slash >= 0) authenticateForOrg(exchange, keys, key.slice(0, slash));
    throw notFound(key, hasOrg);
  };
  return (exchange) => {
    const url = originForm(exchange.request.url ?? "/");
    const question = url.indexOf("?");
    const path = question < 0 ? url : url.slice(0, question);
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
    else exchange.routeTo(endpoint, prefix, question < 0 ? "/" : `/${url.slice(question)}`);
  };
}

function notFound(key: string, hasOrg: (org: string) => boolean): FaasError {
  const [org = "", endpoint = ""] = key.split("/");
  if (endpoint === "") {
    return new FaasError(
      "NOT_FOUND",
      `Expected a path /<org>/<endpoint>, got "/${key}"; "faas list" shows the existing endpoints`,
    );
  }
  return hasOrg(org) ? endpointNotFound({ org, endpoint }) : organizationNotFound(org);
}
