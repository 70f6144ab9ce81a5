import { FaasError, orgNameProblem } from "@faas/core";
import type { CallRef } from "../client/async-calls.ts";
import { checkOrg, parseRef } from "../options/target.ts";

/** Path of a call at the control API, as in the header `Location`, also with the address of the server before it. */
const LOCATION = /^(?:https?:\/\/[^/]+)?\/-\/orgs\/([^/?#]+)\/calls\/([^/?#]+)\/?$/;

/** Formats the name of a call as people write it: ORG/ID. */
export const callKey = ({ org, id }: CallRef): string => `${org}/${id}`;

/**
 * Parses ORG/ID, or the `Location` of a call.
 *
 * @throws USAGE
 */
export function parseCallRef(text: string): CallRef {
  const [, org = "", id = ""] = LOCATION.exec(text) ?? /^([^/]+)\/([\w-]+)$/.exec(text) ?? [];
  if (id === "" || orgNameProblem(org) !== undefined)
    throw new FaasError("USAGE", `Expected a call as ORG/ID, got "${text}"`, {
      extensions: { hint: 'run "faas calls" to list calls' },
    });
  return { org, id };
}

/** An organization, or an endpoint of it. */
export interface CallScope {
  readonly org: string;
  readonly endpoint?: string;
}

/**
 * Parses ORG or ORG/ENDPOINT.
 *
 * @throws USAGE
 */
export const parseScope = (text: string): CallScope => (text.includes("/") ? parseRef(text) : { org: checkOrg(text) });

/** Formats a scope as people write it. */
export const scopeKey = ({ org, endpoint }: CallScope): string => (endpoint === undefined ? org : `${org}/${endpoint}`);
