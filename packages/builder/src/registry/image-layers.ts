import type { Registry } from "@faas/core";
import type { Environment } from "../docker/config.ts";
import { requestRegistry } from "./client.ts";
import { registryCredentials } from "./credentials.ts";
import { tryParseImageReference } from "./image-reference.ts";

/** Manifests of single images: an index has no layers. */
const MANIFEST_TYPES = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];

/**
 * Returns the digests of an image's layers, the base first; undefined when its registry does not respond, does not have it or denies access.
 *
 * @param registry the registry of the images, whose address for pulls may differ from the one that this process can reach
 */
export async function imageLayers(
  reference: string,
  registry: Registry | undefined,
  env: Environment,
  signal?: AbortSignal,
): Promise<readonly string[] | undefined> {
  const isOwn = registry !== undefined && reference.startsWith(`${registry.pull}/`);
  const reachable = isOwn ? `${registry.push}${reference.slice(registry.pull.length)}` : reference;
  const parsed = tryParseImageReference(reachable);
  if (!parsed) return undefined;
  const { registry: host, repository, tag = "latest", digest = tag } = parsed;
  try {
    const access = { host, repository, credentials: await registryCredentials(host, env), env, signal };
    const path = `/v2/${repository}/manifests/${digest}`;
    const { status, body } = await requestRegistry(access, {
      method: "GET",
      path,
      headers: { Accept: MANIFEST_TYPES.join(", ") },
    });
    return status === 200 ? layersIn(body.toString()) : undefined;
  } catch {
    signal?.throwIfAborted();
    return undefined;
  }
}

function layersIn(text: string): readonly string[] | undefined {
  const { layers } = JSON.parse(text) as { readonly layers?: readonly { readonly digest?: unknown }[] };
  if (!Array.isArray(layers)) return undefined;
  return layers.map(({ digest }) => String(digest));
}
