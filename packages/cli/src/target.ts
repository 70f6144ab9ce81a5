import { type EndpointRef, endpointNameProblem, FaasError, orgNameProblem } from "@faas/core";

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
