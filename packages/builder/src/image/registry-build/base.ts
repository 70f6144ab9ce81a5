import { buffer } from "node:stream/consumers";
import { FaasError } from "@faas/core";
import { openBlob } from "../../registry/api/blobs.ts";
import { type Descriptor, readManifest, type StoredManifest, storedManifest } from "../../registry/api/manifests.ts";
import type { RegistrySession } from "../../registry/api/session.ts";
import { resolveDigest } from "../../registry/api/tags.ts";
import { sha256 } from "../../registry/digest.ts";
import { parseImageReference } from "../../registry/image-reference.ts";
import type { BaseImage } from "../base-image.ts";
import type { BaseFacts } from "../config.ts";
import type { ContentCache, TagCache } from "./content-cache.ts";
import { type Platform, platformName } from "./platforms.ts";

/** A base image in a registry, for one platform. */
export interface RegistryBase extends BaseImage {
  readonly platform: Platform;
  readonly libc: "glibc" | "musl";
  /** Registry and repository of the layers. */
  readonly session: RegistrySession;
  readonly repository: string;
  readonly layers: readonly Descriptor[];
}

export interface BaseOptions {
  /** Name as given by the user, which the image's labels have. */
  readonly name: string;
  /** Name with the registry that has it. */
  readonly reference: string;
  readonly platforms: readonly Platform[];
  readonly cache: ContentCache;
  readonly tags: TagCache;
  session(host: string): Promise<RegistrySession>;
}

/**
 * Finds a base image in its registry for each platform. Only its manifests and configurations are read.
 *
 * @throws BUILD_FAILED if it does not exist, or not for a platform
 * @throws REGISTRY_DENIED, REGISTRY_UNREACHABLE
 */
export async function resolveRegistryBase(options: BaseOptions): Promise<readonly RegistryBase[]> {
  const { reference, name, platforms, cache } = options;
  const { registry, repository, tag = "latest", digest: given } = parseImageReference(reference);
  const session = await options.session(registry);
  try {
    const resolve = () => resolveDigest(session, repository, tag);
    // Other images are those of the user, who may have pushed one a moment ago.
    const isOfficial = !name.includes("/");
    const digest = given ?? (await (isOfficial ? options.tags.get(reference, Date.now(), resolve) : resolve()));
    const read = async (each: string): Promise<StoredManifest> =>
      storedManifest(
        await cache.get(each, async () => (await readManifest(session, repository, each)).bytes),
        `${registry}/${repository}@${each}`,
      );
    const top = await read(digest);
    return await Promise.all(
      platforms.map(async (platform) => {
        const manifest = top.content.manifests ? await read(pick(top.content.manifests, platform, name)) : top;
        return { ...(await describeBase(options, session, repository, manifest, platform)), digest };
      }),
    );
  } catch (error) {
    if (!(error instanceof FaasError) || error.code !== "IMAGE_NOT_FOUND") throw error;
    throw new FaasError(
      "BUILD_FAILED",
      `The base image ${name} is missing: ${error.message}. Choose another with --base-image, or a registry that has it with faas up --base-registry`,
      { cause: error },
    );
  }
}

/** Finds the digest of the manifest for a platform in an index. */
function pick(manifests: readonly Descriptor[], { os, arch }: Platform, name: string): string {
  const found = manifests.find(({ platform }) => platform?.os === os && platform.architecture === arch);
  if (found) return found.digest;
  const known = manifests.flatMap(({ platform }) =>
    platform && platform.os !== "unknown" ? [`${platform.os}/${platform.architecture}`] : [],
  );
  throw missingPlatform(name, `${os}/${arch}`, known);
}

const missingPlatform = (name: string, platform: string, known: readonly string[]) =>
  new FaasError(
    "BUILD_FAILED",
    `The base image ${name} has no image for ${platform}, only for ${[...new Set(known)].join(", ")}. Choose another with --base-image, or other platforms with --platform`,
  );

/** Configuration of an image (OCI image specification, "Image Configuration"). */
interface ConfigContent {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly config?: BaseFacts["Config"];
  readonly rootfs: { readonly diff_ids: readonly string[] };
  readonly history?: readonly { readonly created_by?: string; readonly comment?: string }[];
}

async function describeBase(
  { name, cache }: BaseOptions,
  session: RegistrySession,
  repository: string,
  manifest: StoredManifest,
  platform: Platform,
): Promise<Omit<RegistryBase, "digest">> {
  const { config, layers = [] } = manifest.content;
  const { digest: id } = config as Descriptor;
  const text = await cache.get(id, async () => buffer(await openBlob(session, repository, id)));
  if (sha256(text) !== id)
    throw new FaasError("BUILD_FAILED", `The configuration of the base image ${name} does not have its digest`);
  const content = JSON.parse(text.toString()) as ConfigContent;
  const { os, architecture, variant, rootfs } = content;
  if (os !== platform.os || architecture !== platform.arch)
    throw missingPlatform(name, platformName(platform), [`${os}/${architecture}`]);
  const foreign = layers.find(({ mediaType, urls }) => /foreign|nondistributable/.test(mediaType) || urls?.length);
  if (foreign)
    throw new FaasError(
      "BUILD_FAILED",
      `The base image ${name} has a layer that registries may not distribute (${foreign.digest}, ${foreign.mediaType}). Choose another with --base-image`,
    );
  const info = {
    ...{ Id: id, Architecture: architecture, Os: os, Variant: variant ?? "", Config: content.config ?? {} },
    RootFS: { Type: "layers", Layers: [...rootfs.diff_ids] },
  } as BaseFacts;
  return { name, id, info, platform, session, repository, layers, libc: libcOf(name, content) };
}

/** Guesses the C library: configurations do not say it, but those of Alpine come from its root file system or its package manager. */
function libcOf(name: string, { history = [] }: ConfigContent): RegistryBase["libc"] {
  const steps = history.map(({ created_by = "" }) => created_by).join("\n");
  return /alpine|musl/i.test(name) || /alpine-minirootfs|\bapk (?:add|--no-cache)/.test(steps) ? "musl" : "glibc";
}
