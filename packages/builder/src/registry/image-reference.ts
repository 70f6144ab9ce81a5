import { FaasError } from "@faas/core";

/** Parts of an image name: `[registry/]repository[:tag][@digest]`. */
export interface ImageReference {
  /** `host[:port]`; Docker Hub's when absent from the name. */
  readonly registry: string;
  /** Path in the registry; starts with `library/` for Docker Hub's official images. */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

/** Docker Hub's host in image names. */
export const DOCKER_HUB = "docker.io";

// The first part of a name is a host only if it has a dot or a port, or is "localhost".
const HOST = /localhost(?::\d+)?|[\w-]+(?:\.[\w-]+)+(?::\d+)?|[\w-]+:\d+|\[[0-9a-fA-F:]+\](?::\d+)?/.source;
const PART = /[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*/.source;
const REFERENCE = new RegExp(
  `^(?:(?<host>${HOST})/)?(?<path>${PART}(?:/${PART})*)(?::(?<tag>\\w[\\w.-]{0,127}))?(?:@(?<digest>sha256:[0-9a-f]{64}))?$`,
);

/** Parses an image name as Docker does (the distribution project's reference grammar); undefined when it is malformed. */
export function tryParseImageReference(text: string): ImageReference | undefined {
  const { host, path, tag, digest } = REFERENCE.exec(text)?.groups ?? {};
  if (path === undefined) return undefined;
  const isDockerHub = host === undefined || host === DOCKER_HUB || host === "index.docker.io";
  return {
    registry: isDockerHub ? DOCKER_HUB : host,
    repository: isDockerHub && !path.includes("/") ? `library/${path}` : path,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/**
 * Parses an image name.
 *
 * @throws USAGE if it is malformed
 */
export function parseImageReference(text: string): ImageReference {
  const reference = tryParseImageReference(text);
  if (reference) return reference;
  throw new FaasError("USAGE", `Expected an image such as registry.example.com/team/name:tag, got "${text}"`);
}

/**
 * Splits `host[:port][/path]` into the registry's host and the prefix of its repositories.
 *
 * @throws USAGE if it is malformed
 */
export function parseRegistry(address: string): { readonly host: string; readonly prefix: string } {
  const [, host, path = ""] = new RegExp(`^(${HOST}|[\\w-]+)((?:/${PART})*)/?$`).exec(address) ?? [];
  if (host !== undefined) return { host, prefix: path === "" ? "" : `${path.slice(1)}/` };
  throw new FaasError(
    "USAGE",
    `Expected the registry to be host[:port][/path] without a scheme, such as registry.example.com/team, got "${address}"`,
  );
}
