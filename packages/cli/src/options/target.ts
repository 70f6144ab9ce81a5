import { type EndpointRef, endpointKey, endpointNameProblem, FaasError, orgNameProblem } from "@faas/core";

export interface Target extends EndpointRef {
  /** What follows the endpoint, with query; empty or beginning with `/` or `?`. */
  readonly rest: string;
}

/** Parses `ORG/ENDPOINT[/rest]`. USAGE says what was expected. */
export function parseTarget(text: string): Target {
  const [, org = "", endpoint = "", rest = ""] = /^\/?([^/?]*)\/?([^/?]*)(.*)$/s.exec(text) ?? [];
  if (endpoint === "") throw new FaasError("USAGE", `Expected ORG/ENDPOINT, got "${text}"`);
  return { ...checkRef({ org, endpoint }), rest };
}

/** The path that calls it. What a shell lets through but HTTP does not is percent-encoded; the rest stays as it was typed. */
export function pathOf(target: Target): string {
  return `/${endpointKey(target)}${target.rest.toWellFormed().replace(/[^\x21\x22\x24-\x7e]/gu, encodeURIComponent)}`;
}

/** ORG/ENDPOINT with nothing behind. */
export function parseRef(text: string): EndpointRef {
  const { rest, ...ref } = parseTarget(text);
  if (rest !== "" && rest !== "/") throw new FaasError("USAGE", `Expected ORG/ENDPOINT, got "${text}"`);
  return ref;
}

export function checkRef(ref: EndpointRef): EndpointRef {
  const problem = orgNameProblem(ref.org) ?? endpointNameProblem(ref.endpoint);
  if (problem) throw new FaasError("USAGE", problem);
  return ref;
}
