/** Label of a DNS name, as Kubernetes requires for objects and namespaces (RFC 1123 section 2.1, lower case). */
export const LABEL = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;

/** Prefix of an organization's namespace on Kubernetes. */
export const NAMESPACE_PREFIX = "faas-";

/** Maximum length of a label (RFC 1035 section 2.3.4). */
export const ENDPOINT_NAME_MAX = 63;

/** Maximum length of an organization's name: `faas-<org>` must be a label. */
export const ORG_NAME_MAX = 63 - NAMESPACE_PREFIX.length;

/** Names that no organization can have: `faas-system` is the namespace of the control server itself. */
export const RESERVED_ORGS = new Set(["system"]);

const RULE = "lower-case letters, digits and hyphens, beginning and ending with a letter or digit";

/** Returns the problem with the name of an organization, for a message; undefined for a valid name. */
export function orgNameProblem(name: string): string | undefined {
  if (RESERVED_ORGS.has(name)) return `the organization name "${name}" is reserved; choose another`;
  return labelProblem("organization", name, ORG_NAME_MAX);
}

/** Returns the problem with the name of an endpoint, for a message; undefined for a valid name. */
export function endpointNameProblem(name: string): string | undefined {
  return labelProblem("endpoint", name, ENDPOINT_NAME_MAX);
}

function labelProblem(what: string, name: string, max: number): string | undefined {
  if (name.length > max) return `expected the ${what} name to have at most ${max} characters, got ${name.length}`;
  if (!LABEL.test(name)) return `expected the ${what} name to be ${RULE}, got "${name}"`;
  return undefined;
}
