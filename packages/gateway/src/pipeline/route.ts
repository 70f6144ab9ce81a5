import { FaasError } from "@faas/core";
import { endpointNotFound, organizationNotFound } from "../endpoints/not-found.ts";
import type { EndpointRegistry } from "../endpoints/registry.ts";
import { checkPath, originForm } from "../http/request-path.ts";
import { authenticateForOrg } from "./authorize.ts";
import type { Pipeline } from "./exchange.ts";
import type { KeyVerifier } from "./key-verifier.ts";

/**
 * Finds the endpoint in the path `/<org>/<endpoint>[/rest][?query]`. Where keys are required, a missing endpoint and one that the caller cannot see get the
 * same error.
 * @throws INVALID_PATH, NOT_FOUND, UNAUTHENTICATED, ORG_NOT_FOUND, ENDPOINT_NOT_FOUND
 */
export function route(
  endpoints: EndpointRegistry,
  hasOrg: (org: string) => boolean,
  keys: KeyVerifier | undefined,
): Pipeline["route"] {
  return (exchange) => {
    const url = originForm(exchange.request.url ?? "/");
    const question = url.indexOf("?");
    const path = question < 0 ? url : url.slice(0, question);
    checkPath(path);
    const afterOrg = path.indexOf("/", 1);
    const afterEndpoint = afterOrg < 0 ? -1 : path.indexOf("/", afterOrg + 1);
    const prefix = afterEndpoint < 0 ? path : path.slice(0, afterEndpoint);
    const endpoint = endpoints.get(prefix.slice(1));
    if (endpoint === undefined) {
      if (keys && afterOrg > 0) authenticateForOrg(exchange, keys, prefix.slice(1, afterOrg));
      throw notFound(prefix, hasOrg);
    }
    // The rest of the path and the query are passed on unchanged, byte for byte.
    if (afterEndpoint >= 0) exchange.routeTo(endpoint, prefix, url.slice(afterEndpoint));
    else exchange.routeTo(endpoint, prefix, question < 0 ? "/" : `/${url.slice(question)}`);
  };
}

function notFound(prefix: string, hasOrg: (org: string) => boolean): FaasError {
  const [org = "", endpoint = ""] = prefix.slice(1).split("/");
  if (endpoint === "") {
    return new FaasError(
      "NOT_FOUND",
      `Expected a path /<org>/<endpoint>, got "${prefix}"; "faas list" shows the existing endpoints`,
    );
  }
  return hasOrg(org) ? endpointNotFound({ org, endpoint }) : organizationNotFound(org);
}
