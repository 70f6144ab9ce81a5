import { FaasError, type Registry } from "@faas/core";

/** The organization's name, in an entry of the list. */
const ORG = "{org}";

/** A path of the distribution project's reference grammar: it has no "..", no empty parts and no upper case. */
const COMPONENT = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const NAME = new RegExp(`^(?:(?:[a-zA-Z0-9.-]+|\\[[0-9a-fA-F:]+\\])(?::\\d+)?/)?${COMPONENT}(?:/${COMPONENT})*$`);

/** Registries and repositories that images may come from, as prefixes; undefined: from anywhere. */
export type AllowedImages = readonly string[] | undefined;

/**
 * Where keys are required, an organization's part of the private registry, and what is given; without keys, only what is given limits it: who may
 * do everything may run everything.
 */
export function allowedImages(
  given: readonly string[] | undefined,
  registry: Registry | undefined,
  isAuth: boolean,
): AllowedImages {
  if (!isAuth) return given;
  return [...(registry ? [`${registry.pull}/${ORG}`] : []), ...(given ?? [])];
}

/** Refuses an image that comes from elsewhere. IMAGE_NOT_ALLOWED. */
export function checkImage(reference: string, org: string, allowed: AllowedImages): void {
  if (allowed === undefined || allowed.includes("*")) return;
  const name = wholeName(nameOf(reference));
  const prefixes = allowed.map((prefix) => prefix.replaceAll(ORG, org).replace(/\/+$/, ""));
  if (
    name !== undefined &&
    prefixes.map(wholePrefix).some((prefix) => name === prefix || name.startsWith(`${prefix}/`))
  )
    return;
  throw new FaasError(
    "IMAGE_NOT_ALLOWED",
    `Expected an image of ${prefixes.length > 0 ? prefixes.map((prefix) => `${prefix}/…`).join(" or ") : "an allowed registry, and none is"}, got "${reference}"; the server's --allow-images names more`,
  );
}

/** Without digest and tag: a colon before a slash is that of a port. */
const nameOf = (reference: string) => reference.replace(/@[^/]*$/, "").replace(/:[^/:]*$/, "");

/** With its registry, in lower case: "nginx" is docker.io/library/nginx. Undefined when it is no name. */
function wholeName(name: string): string | undefined {
  if (!NAME.test(name)) return undefined;
  const [first = "", ...rest] = name.split("/");
  if (rest.length > 0 && isRegistry(first)) return [registryName(first), ...rest].join("/");
  return rest.length > 0 ? `docker.io/${name}` : `docker.io/library/${name}`;
}

function wholePrefix(prefix: string): string {
  const [first = "", ...rest] = prefix.split("/");
  return isRegistry(first) ? [registryName(first), ...rest].join("/") : `docker.io/${prefix}`;
}

const isRegistry = (first: string) => /[.:]/.test(first) || first === "localhost";

const registryName = (host: string) => host.toLowerCase().replace(/^index\.docker\.io$/, "docker.io");
