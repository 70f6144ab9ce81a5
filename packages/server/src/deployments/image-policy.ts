import { FaasError, type Registry } from "@faas/core";

/** Placeholder for the organization's name in an entry of the list. */
const ORG = "{org}";

/** Path component in the reference grammar of the distribution project, which allows no "..", no empty components and no upper case. */
const COMPONENT = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const NAME = new RegExp(`^(?:(?:[a-zA-Z0-9.-]+|\\[[0-9a-fA-F:]+\\])(?::\\d+)?/)?${COMPONENT}(?:/${COMPONENT})*$`);

/** Prefixes of the registries and repositories that images may come from; undefined: anywhere. */
export type AllowedImages = readonly string[] | undefined;

/**
 * Returns the allowed prefixes: where keys are required, the organization's part of the private registry and the configured prefixes; without keys the
 * configured prefixes only, because every client may do everything anyway.
 */
export function allowedImages(
  configured: readonly string[] | undefined,
  registry: Registry | undefined,
  isAuth: boolean,
): AllowedImages {
  if (!isAuth) return configured;
  return [...(registry ? [`${registry.pull}/${ORG}`] : []), ...(configured ?? [])];
}

/**
 * Checks that an image comes from an allowed place.
 *
 * @throws IMAGE_NOT_ALLOWED
 */
export function checkImage(reference: string, org: string, allowed: AllowedImages): void {
  if (allowed === undefined || allowed.includes("*")) return;
  const name = qualifiedName(nameOf(reference));
  const prefixes = allowed.map((prefix) => prefix.replaceAll(ORG, org).replace(/\/+$/, ""));
  if (
    name !== undefined &&
    prefixes.map(qualifiedPrefix).some((prefix) => name === prefix || name.startsWith(`${prefix}/`))
  )
    return;
  throw new FaasError(
    "IMAGE_NOT_ALLOWED",
    `Expected an image of ${prefixes.length > 0 ? prefixes.map((prefix) => `${prefix}/…`).join(" or ") : "an allowed registry, but none is configured"}, got "${reference}"; the server's --allow-images allows more`,
  );
}

/** Removes digest and tag; a colon before a slash belongs to a port. */
const nameOf = (reference: string) => reference.replace(/@[^/]*$/, "").replace(/:[^/:]*$/, "");

/** Adds the registry, in lower case: "nginx" is docker.io/library/nginx. Undefined for an invalid name. */
function qualifiedName(name: string): string | undefined {
  if (!NAME.test(name)) return undefined;
  const [first = "", ...rest] = name.split("/");
  if (rest.length > 0 && isRegistry(first)) return [registryName(first), ...rest].join("/");
  return rest.length > 0 ? `docker.io/${name}` : `docker.io/library/${name}`;
}

function qualifiedPrefix(prefix: string): string {
  const [first = "", ...rest] = prefix.split("/");
  return isRegistry(first) ? [registryName(first), ...rest].join("/") : `docker.io/${prefix}`;
}

const isRegistry = (first: string) => /[.:]/.test(first) || first === "localhost";

const registryName = (host: string) => host.toLowerCase().replace(/^index\.docker\.io$/, "docker.io");
