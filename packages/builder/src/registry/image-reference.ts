import { FaasError } from "@faas/core";

/** The parts of an image's name: `[registry/]repository[:tag][@digest]`. */
export interface ImageReference {
  /** `host[:port]`; Docker Hub's when none is named. */
  readonly registry: string;
  /** With a path of the registry before it; `library/` for Docker Hub's own images. */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

/** What Docker Hub is called in image names. */
export const DOCKER_HUB = "docker.io";

// The first part of a name is a host only when it looks like one: with a dot, a port, or "localhost".
const HOST = /localhost(?::\d+)?|[\w-]+(?:\.[\w-]+)+(?::\d+)?|[\w-]+:\d+|\[[0-9a-fA-F:]+\](?::\d+)?/.source;
const PART = /[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*/.source;
const REFERENCE = new RegExp(
  `^(?:(?<host>${HOST})/)?(?<path>${PART}(?:/${PART})*)(?::(?<tag>\\w[\\w.-]{0,127}))?(?:@(?<digest>sha256:[0-9a-f]{64}))?$`,
);

/** Parses an image's name as Docker does (the distribution project's reference grammar); undefined when it is none. */
export function imageReference(text: string): ImageReference | undefined {
  const { host, path, tag, digest } = REFERENCE.exec(text)?.groups ?? {};
  if (path === undefined) return undefined;
  const isOfHub = host === undefined || host === DOCKER_HUB || host === "index.docker.io";
  return {
    registry: isOfHub ? DOCKER_HUB : host,
    repository: isOfHub && !path.includes("/") ? `library/${path}` : path,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** The same; USAGE when it is none. */
export function parseImageReference(text: string): ImageReference {
  const found = imageReference(text);
  if (found) return found;
  throw new FaasError("USAGE", `Expected an image such as registry.example.com/team/name:tag, got "${text}"`);
}

/** The registry of `host[:port][/path]`, and the path before the repositories in it. USAGE when it is no such address. */
export function parseRegistry(address: string): { readonly host: string; readonly prefix: string } {
  const [, host, path = ""] = new RegExp(`^(${HOST}|[\\w-]+)((?:/${PART})*)/?$`).exec(address) ?? [];
  if (host !== undefined) return { host, prefix: path === "" ? "" : `${path.slice(1)}/` };
  throw new FaasError(
    "USAGE",
    `Expected the registry to be host[:port][/path] without a scheme, such as registry.example.com/team, got "${address}"`,
  );
}
