import { FaasError } from "@faas/core";
import { parseJson, registryMessage } from "./api/registry-message.ts";
import { type RegistryHost, type RegistryRequest, RegistrySession } from "./api/session.ts";
import type { RegistryResponse } from "./api/transport.ts";
import { sha256 } from "./digest.ts";

/** A repository of a registry, with the credentials for it. */
export interface RegistryAccess extends RegistryHost {
  readonly repository: string;
}

/** An image manifest in a registry. */
export interface FoundManifest {
  /** `sha256:…` of the manifest. */
  readonly digest: string;
  /** `sha256:…` of the image's configuration, which is the image id. */
  readonly configDigest: string | undefined;
}

/** Media types of image manifests and of lists of them. */
const MANIFEST_TYPES = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
];

/** Headers of a request for a manifest: some registries answer 404 for a manifest whose type is not accepted. */
export const ACCEPT_MANIFESTS = { Accept: MANIFEST_TYPES.join(", ") };

/**
 * Finds the manifest of a tag or digest (OCI distribution specification, "Pulling manifests"); undefined when it does not exist, or when the
 * registry is unreachable from this process: the engine, which pushes, may be able to reach it.
 *
 * @throws REGISTRY_DENIED if the registry requires a login and Docker has none
 */
export async function findManifest(access: RegistryAccess, reference: string): Promise<FoundManifest | undefined> {
  const { repository, credentials, signal } = access;
  const path = `/v2/${repository}/manifests/${reference}`;
  const headers = ACCEPT_MANIFESTS;
  let response: RegistryResponse;
  try {
    response = await requestRegistry(access, { method: "GET", path, headers });
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof FaasError) throw error;
    return undefined;
  }
  if (response.status === 401 || response.status === 403) {
    // Some registries answer like this for a repository that does not exist yet. If the login is wrong, the push reports it.
    if (response.status === 403 || credentials) return undefined;
    throw accessDenied(access, registryMessage(response));
  }
  if (response.status !== 200) return undefined;
  const digest = response.headers["docker-content-digest"];
  const { config } = parseJson(response.body) as { config?: { digest?: string } };
  return {
    digest: typeof digest === "string" ? digest : sha256(response.body),
    configDigest: config?.digest,
  };
}

/** Creates a REGISTRY_DENIED error, with advice that depends on whether there was a login. */
export function accessDenied(
  { host, repository, credentials }: RegistryAccess,
  reason: string,
  action: "push" | "pull" = "push",
): FaasError {
  const user = credentials?.username ? ` as "${credentials.username}"` : "";
  const detail = credentials
    ? `The registry ${host} rejected the login${user}, or the login may not ${action} ${repository} (${reason}). Log in as a user with ${action} access: docker login ${host}`
    : `The registry ${host} requires a login for ${repository} (${reason}), but Docker has none. Log in: docker login ${host}`;
  return new FaasError("REGISTRY_DENIED", detail);
}

/** Sends a request and, if the registry requires a login, sends it again with the login. Rejects if the registry is unreachable. */
export async function requestRegistry(access: RegistryAccess, request: RegistryRequest): Promise<RegistryResponse> {
  using session = new RegistrySession(access);
  return await session.send(request);
}
