import { type EndpointRef, endpointKey, endpointNameProblem, FaasError, orgNameProblem } from "@faas/core";

export interface Target extends EndpointRef {
  /** Path and query after the endpoint; empty, or begins with `/` or `?`. */
  readonly rest: string;
}

/**
 * Parses `ORG/ENDPOINT[/rest]`.
 *
 * @throws USAGE
 */
export function parseTarget(text: string): Target {
  const [, org = "", endpoint = "", rest = ""] = /^\/?([^/?]*)\/?([^/?]*)(.*)$/s.exec(text) ?? [];
  if (endpoint === "") throw new FaasError("USAGE", `Expected ORG/ENDPOINT, got "${text}"`);
  return { ...checkRef({ org, endpoint }), rest };
}

/** Returns the URL path of a target. Characters that HTTP does not allow are percent-encoded; the rest stays as it was typed. */
export function pathOf(target: Target): string {
  return `/${endpointKey(target)}${target.rest.toWellFormed().replace(/[^\x21\x22\x24-\x7e]/gu, encodeURIComponent)}`;
}

/**
 * Parses `ORG/ENDPOINT`.
 *
 * @throws USAGE
 */
export function parseRef(text: string): EndpointRef {
  const { rest, ...ref } = parseTarget(text);
  if (rest !== "" && rest !== "/") throw new FaasError("USAGE", `Expected ORG/ENDPOINT, got "${text}"`);
  return ref;
}

/**
 * Checks the names of an endpoint and its organization.
 *
 * @throws USAGE
 */
export function checkRef(ref: EndpointRef): EndpointRef {
  const problem = orgNameProblem(ref.org) ?? endpointNameProblem(ref.endpoint);
  if (problem) throw new FaasError("USAGE", problem);
  return ref;
}

/**
 * Checks the name of an organization.
 *
 * @throws USAGE
 */
export function checkOrg(org: string): string {
  const problem = orgNameProblem(org);
  if (problem) throw new FaasError("USAGE", problem);
  return org;
}
