import type { Environment, ImageReference, RegistryCredentials, ResolvedTag } from "@faas/builder/registry";
import { credentialsIn, resolveTag, tryParseImageReference } from "@faas/builder/registry";
import { type Artifact, FaasError, type Registry } from "@faas/core";

/** Image with a tag, on behalf of an organization. */
export interface OrganizationImage {
  readonly org: string;
  readonly image: string;
}

/** Registry as the server reaches it. */
export interface RegistryView {
  /** Environment that locates Docker's folder of logins and certificates. */
  readonly env: Environment;
  /** The installation's own registry. Absent: none is configured. */
  readonly registry?: Registry | undefined;
  /** The server runs in the cluster, and reaches the registry by the nodes' name for it. */
  readonly isInCluster: boolean;
  /** Reads the login of an organization, the text of a Docker `config.json`. Absent: organizations have none. */
  readonly loginOf?: ((org: string, signal: AbortSignal) => Promise<string | undefined>) | undefined;
}

/**
 * Returns the image with the tag to follow.
 *
 * @throws INVALID_REQUEST unless the artifact is an image with a tag and without a digest
 */
export function followedImage(artifact: Artifact | undefined): string {
  if (artifact?.kind === "image") {
    const parsed = tryParseImageReference(artifact.reference);
    if (parsed?.tag !== undefined && parsed.digest === undefined) return artifact.reference;
  }
  const got = artifact?.kind === "image" ? `"${artifact.reference}"` : (artifact?.kind ?? "none");
  throw new FaasError(
    "INVALID_REQUEST",
    `Expected an image with a tag and without a digest to follow, such as registry.example.com/team/name:main, got ${got}`,
  );
}

/** Returns the image of a tag with a digest in place of the tag, as the nodes pull it. */
export const imageWithDigest = (image: string, digest: string): Artifact => ({
  kind: "image",
  reference: `${image.replace(/:[^/:]*$/, "")}@${digest}`,
});

/** Returns the tag of an image. */
export const tagOf = (image: string): string => /:([^/:]*)$/.exec(image)?.[1] ?? "latest";

/**
 * Asks the registry for the digest of a tag, with the login of the organization, or else with that of the server's machine.
 *
 * @throws CLUSTER_*, REGISTRY_UNREACHABLE, REGISTRY_DENIED, IMAGE_NOT_FOUND
 */
export async function resolveImage(
  { org, image }: OrganizationImage,
  view: RegistryView,
  { known, signal }: { readonly known?: ResolvedTag | undefined; readonly signal: AbortSignal },
): Promise<ResolvedTag> {
  const reference = tryParseImageReference(reachable(image, view)) as ImageReference;
  const credentials = await credentialsOf(org, image, view, signal);
  return resolveTag(reference, { env: view.env, credentials, known, signal });
}

/** Returns the organization's login. It has the nodes' name of the registry. */
async function credentialsOf(
  org: string,
  image: string,
  { loginOf }: RegistryView,
  signal: AbortSignal,
): Promise<RegistryCredentials | undefined> {
  const login = await loginOf?.(org, signal);
  const { registry } = tryParseImageReference(image) as ImageReference;
  return login === undefined ? undefined : credentialsIn(login, registry);
}

/** Replaces the nodes' name for the installation's registry by that of the server's machine. */
function reachable(image: string, { registry, isInCluster }: RegistryView): string {
  if (isInCluster || registry === undefined || !image.startsWith(`${registry.pull}/`)) return image;
  return registry.push + image.slice(registry.pull.length);
}
