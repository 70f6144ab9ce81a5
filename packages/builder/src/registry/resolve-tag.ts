import { FaasError } from "@faas/core";
import type { Environment } from "../docker/config.ts";
import { registryMessage } from "./api/registry-message.ts";
import type { RegistryResponse } from "./api/transport.ts";
import { ACCEPT_MANIFESTS, type RegistryAccess, requestRegistry } from "./client.ts";
import { type RegistryCredentials, registryCredentials } from "./credentials.ts";
import { isDigest, sha256 } from "./digest.ts";
import type { ImageReference } from "./image-reference.ts";

/** The manifest that a tag names. */
export interface ResolvedTag {
  /** `sha256:…` of the manifest. */
  readonly digest: string;
  /** Validator for a conditional request. Absent: the registry sent none. */
  readonly etag?: string;
}

export interface ResolveTagOptions {
  /** Environment that locates Docker's folder of logins and certificates. */
  readonly env: Environment;
  /** Login to use in place of that in Docker's folder. */
  readonly credentials?: RegistryCredentials | undefined;
  /** Previous result, which makes the request conditional (RFC 9110 section 13.1.2). */
  readonly known?: ResolvedTag | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Asks a registry which manifest a tag names (OCI distribution specification, "Checking if content exists in the registry"). Fetches the manifest only
 * if the registry does not name its digest.
 *
 * @throws REGISTRY_UNREACHABLE, REGISTRY_DENIED, IMAGE_NOT_FOUND
 */
export async function resolveTag(image: ImageReference, options: ResolveTagOptions): Promise<ResolvedTag> {
  const { registry, repository, tag = "latest" } = image;
  const { env, known, signal } = options;
  const access: RegistryAccess = {
    ...{ host: registry, repository, env, signal },
    credentials: options.credentials ?? (await registryCredentials(registry, env)),
  };
  const path = `/v2/${repository}/manifests/${tag}`;
  const request = async (method: "GET" | "HEAD", conditions: Record<string, string>) => {
    const headers = { ...ACCEPT_MANIFESTS, ...conditions };
    const response = await requestRegistry(access, { method, path, headers }).catch((error) => {
      signal?.throwIfAborted();
      throw error instanceof FaasError ? error : unreachable(registry, (error as Error).message, error);
    });
    checkFound(image, response);
    return response;
  };

  const head = await request("HEAD", known?.etag === undefined ? {} : { "If-None-Match": known.etag });
  if (head.status === 304 && known) return known;
  const named = digestIn(head);
  const { etag } = head.headers;
  if (named !== undefined) return { digest: named, ...(etag === undefined ? {} : { etag }) };
  const { body } = await request("GET", {});
  return { digest: sha256(body) };
}

function digestIn({ headers }: RegistryResponse): string | undefined {
  const digest = headers["docker-content-digest"];
  return isDigest(digest) ? digest : undefined;
}

/** Throws for a response without a manifest. */
function checkFound({ registry, repository, tag = "latest" }: ImageReference, response: RegistryResponse): void {
  const { status } = response;
  if (status === 200 || status === 304) return;
  const name = `${registry}/${repository}:${tag}`;
  if (status === 404)
    throw new FaasError("IMAGE_NOT_FOUND", `The registry has no image ${name}: push it, or correct its name`);
  if (status === 401 || status === 403)
    throw new FaasError(
      "REGISTRY_DENIED",
      `The registry ${registry} does not let the server read ${name} (${registryMessage(response)}). Store a login that can with "faas org registry-login", or log in on the server's machine: docker login ${registry}`,
    );
  throw unreachable(registry, registryMessage(response));
}

const unreachable = (registry: string, reason: string, cause?: unknown) =>
  new FaasError("REGISTRY_UNREACHABLE", `The registry ${registry} does not respond as expected: ${reason}`, { cause });
