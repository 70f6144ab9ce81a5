import { FaasError } from "@faas/core";
import type { Endpoints, LiveEndpoint } from "./endpoints.ts";

export interface Routed {
  readonly endpoint: LiveEndpoint;
  /** `/<org>/<endpoint>`. */
  readonly prefix: string;
  /** What the replica gets: the rest of the path with the query, byte for byte as it was sent. */
  readonly target: string;
}

/** Encoded or not: a NUL, or a segment `.` or `..`, which proxies and file systems read differently. */
const UNSAFE = /%00|\0|(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)|%(?![0-9a-f]{2})/i;

/** The endpoint that a request's path names. INVALID_PATH, ORG_NOT_FOUND, ENDPOINT_NOT_FOUND. */
export function route(url: string, endpoints: Endpoints): Routed {
  const question = url.indexOf("?");
  const path = question < 0 ? url : url.slice(0, question);
  if (path.charCodeAt(0) !== 47 || path.startsWith("//") || (hasSuspects(path) && UNSAFE.test(path))) {
    throw new FaasError(
      "INVALID_PATH",
      `The path "${path.slice(0, 200)}" cannot be taken: expected /<org>/<endpoint>[/rest] without "." and ".." segments`,
    );
  }
  const afterOrg = path.indexOf("/", 1);
  const afterEndpoint = afterOrg < 0 ? -1 : path.indexOf("/", afterOrg + 1);
  const prefix = afterEndpoint < 0 ? path : path.slice(0, afterEndpoint);
  const endpoint = endpoints.get(prefix.slice(1));
  if (endpoint === undefined) throw unknown(prefix, endpoints);
  const rest = afterEndpoint < 0 ? "/" : path.slice(afterEndpoint);
  return { endpoint, prefix, target: question < 0 ? rest : rest + url.slice(question) };
}

const hasSuspects = (path: string) => path.includes("%") || path.includes("/.") || path.includes("\0");

function unknown(prefix: string, endpoints: Endpoints): FaasError {
  const [org = "", endpoint = ""] = prefix.slice(1).split("/");
  if (endpoint !== "" && endpoints.hasOrg(org))
    return new FaasError("ENDPOINT_NOT_FOUND", `There is no endpoint "${org}/${endpoint}"`);
  if (endpoint === "")
    return new FaasError("NOT_FOUND", "Expected a path /<org>/<endpoint>; /-/openapi.json describes the control API");
  return new FaasError("ORG_NOT_FOUND", `There is no organization "${org}" with an endpoint`);
}
