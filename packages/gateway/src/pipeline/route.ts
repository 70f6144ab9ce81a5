import { FaasError } from "@faas/core";
import { endpointNotFound, organizationNotFound } from "../endpoints/not-found.ts";
import type { EndpointRegistry } from "../endpoints/registry.ts";
import { checkPath, originForm } from "../http/request-path.ts";
import { authenticateForOrg } from "./authorize.ts";
import type { Stage } from "./exchange.ts";
import type { KeyVerifier } from "./key-verifier.ts";

/**
 * Finds the endpoint that the path names: `/<org>/<endpoint>[/rest][?query]`. INVALID_PATH, ORG_NOT_FOUND, ENDPOINT_NOT_FOUND; where keys are required,
 * what is not there is refused like what the caller may not know of.
 */
export function route(
  endpoints: EndpointRegistry,
  hasOrg: (org: string) => boolean,
  keys: KeyVerifier | undefined,
): Stage {
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
      throw unknown(prefix, hasOrg);
    }
    exchange.endpoint = endpoint;
    exchange.prefix = prefix;
    // Byte for byte as it was sent.
    if (afterEndpoint >= 0) exchange.target = url.slice(afterEndpoint);
    else exchange.target = question < 0 ? "/" : `/${url.slice(question)}`;
    exchange.proceed();
  };
}

function unknown(prefix: string, hasOrg: (org: string) => boolean): FaasError {
  const [org = "", endpoint = ""] = prefix.slice(1).split("/");
  if (endpoint === "") {
    return new FaasError(
      "NOT_FOUND",
      `Expected a path /<org>/<endpoint>, got "${prefix}"; "faas list" shows what there is`,
    );
  }
  return hasOrg(org) ? endpointNotFound({ org, endpoint }) : organizationNotFound(org);
}
