import { FaasError } from "@faas/core";
import type { EndpointRegistry } from "../endpoints/registry.ts";
import { authenticateForOrg, unknownOrg } from "./authorize.ts";
import type { Stage } from "./exchange.ts";
import type { KeyVerifier } from "./key-verifier.ts";

const SLASH = 47;

/**
 * What proxies, file systems and wrappers read differently: a NUL, a segment `..` (its dots and slashes encoded or not),
 * a `%` that encodes nothing (RFC 3986 section 2.1).
 */
const UNSAFE = /%00|%(?![0-9a-f]{2})|(?:^|[/\\]|%2f|%5c)(?:\.|%2e){2}(?:$|[/\\]|%2f|%5c)/i;

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
    if (!isSafe(path)) throw invalid(path);
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

/** A server has to take `GET http://host/path` too (RFC 9112 section 3.2.2). */
function originForm(url: string): string {
  if (url.charCodeAt(0) === SLASH) return url;
  const [, rest] = /^https?:\/\/[^/?#]*(.*)$/i.exec(url) ?? [];
  if (rest === undefined) return url;
  return rest.startsWith("/") ? rest : `/${rest}`;
}

function isSafe(path: string): boolean {
  if (path.charCodeAt(0) !== SLASH || path.charCodeAt(1) === SLASH) return false;
  return !(path.includes("%") || path.includes("..")) || !UNSAFE.test(path);
}

function invalid(path: string): FaasError {
  return new FaasError(
    "INVALID_PATH",
    `Expected a path /<org>/<endpoint>[/rest] without ".." segments, "%00" and stray "%", got "${path.slice(0, 200)}"`,
  );
}

function unknown(prefix: string, hasOrg: (org: string) => boolean): FaasError {
  const [org = "", endpoint = ""] = prefix.slice(1).split("/");
  if (endpoint === "") {
    return new FaasError(
      "NOT_FOUND",
      `Expected a path /<org>/<endpoint>, got "${prefix}"; "faas list" shows what there is`,
    );
  }
  if (hasOrg(org)) {
    return new FaasError(
      "ENDPOINT_NOT_FOUND",
      `There is no endpoint "${endpoint}" in "${org}"; "faas list ${org}" shows those that there are`,
    );
  }
  return unknownOrg(org);
}
