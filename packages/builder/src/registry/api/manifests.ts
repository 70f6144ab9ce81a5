import { FaasError } from "@faas/core";
import { ACCEPT_MANIFESTS, accessDenied } from "../client.ts";
import { sha256 } from "../digest.ts";
import { TRANSFER_IDLE_MS } from "./blobs.ts";
import { pushBroken, pushRefused, rejectUnreachable } from "./failures.ts";
import { registryMessage } from "./registry-message.ts";
import type { RegistrySession } from "./session.ts";

/** A part of a manifest or an index (OCI image specification, "Descriptor"). */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly urls?: readonly string[];
  readonly platform?: { readonly os: string; readonly architecture: string; readonly variant?: string };
}

/** A manifest of an image, or an index of several, as bytes and as content. */
export interface StoredManifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly content: ManifestContent;
}

export interface ManifestContent {
  readonly mediaType?: string;
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly manifests?: readonly Descriptor[];
}

/**
 * Reads the manifest of a tag or digest (OCI distribution specification, "Pulling manifests").
 *
 * @throws IMAGE_NOT_FOUND, REGISTRY_DENIED, REGISTRY_UNREACHABLE
 */
export async function readManifest(session: RegistrySession, repository: string, reference: string) {
  const path = `/v2/${repository}/manifests/${reference}`;
  const headers = ACCEPT_MANIFESTS;
  const response = await session.sendRetrying({ method: "GET", path, headers }).catch(rejectUnreachable(session));
  const { status, body } = response;
  const name = `${session.host}/${repository}${reference.startsWith("sha256:") ? "@" : ":"}${reference}`;
  if (status === 404) throw new FaasError("IMAGE_NOT_FOUND", `The registry has no image ${name}`);
  if (status === 401 || status === 403)
    throw accessDenied({ ...session.access, repository }, registryMessage(response), "pull");
  if (status !== 200)
    throw new FaasError("REGISTRY_UNREACHABLE", `The registry ${session.host} failed: ${registryMessage(response)}`);
  return storedManifest(body, name, String(response.headers["content-type"] ?? ""));
}

/** Parses a manifest; `name` and `contentType` are those of the response that had it. */
export function storedManifest(bytes: Buffer, name: string, contentType = ""): StoredManifest {
  const content = parseContent(bytes, name);
  return { digest: sha256(bytes), mediaType: content.mediaType ?? contentType, bytes, content };
}

function parseContent(bytes: Buffer, name: string): ManifestContent {
  try {
    const content = JSON.parse(bytes.toString()) as ManifestContent;
    if (Array.isArray(content.manifests) || (Array.isArray(content.layers) && content.config)) return content;
  } catch {}
  throw new FaasError("BUILD_FAILED", `The manifest of ${name} has a format that faas does not know`);
}

/**
 * Stores a manifest under a tag or its digest (OCI distribution specification, "Pushing Manifests").
 *
 * @throws REGISTRY_DENIED, REGISTRY_UNREACHABLE, PUSH_FAILED
 */
export async function putManifest(
  session: RegistrySession,
  repository: string,
  reference: string,
  { mediaType, bytes }: Pick<StoredManifest, "mediaType" | "bytes">,
): Promise<void> {
  const path = `/v2/${repository}/manifests/${reference}`;
  const request = { method: "PUT", path, body: bytes, idleMs: TRANSFER_IDLE_MS, scope: repository } as const;
  const response = await session.sendRetrying({ ...request, headers: { "Content-Type": mediaType } }).catch((error) => {
    session.access.signal?.throwIfAborted();
    throw pushBroken(session, repository, 4, error);
  });
  if (response.status !== 201) throw pushRefused(session, repository, response);
}
