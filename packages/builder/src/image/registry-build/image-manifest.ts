import { type Descriptor, type StoredManifest, storedManifest } from "../../registry/api/manifests.ts";
import { sha256 } from "../../registry/digest.ts";
import type { ImageConfig } from "../config.ts";
import type { RegistryBase } from "./base.ts";
import type { PushableLayer } from "./compress.ts";
import { type Platform, platformName } from "./platforms.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";
const CONFIG = "application/vnd.oci.image.config.v1+json";
const LAYER = "application/vnd.oci.image.layer.v1.tar";

/** An image for one platform, whose parts are in the base image's registry or in files. */
export interface PlatformImage {
  readonly platform: Platform;
  readonly base: RegistryBase;
  /** Layers above the base. */
  readonly layers: readonly PushableLayer[];
  readonly config: ImageConfig;
}

/** Writes the manifest of an image (OCI image specification, "Image Manifest"): a base of Docker's format gets the media types of OCI. */
export async function imageManifest({ base, layers, config }: PlatformImage): Promise<StoredManifest> {
  const compressed = await Promise.all(layers.map((layer) => layer.compressed()));
  const own = compressed.map(({ digest, sizeBytes }) => ({ mediaType: `${LAYER}+gzip`, digest, size: sizeBytes }));
  return encode({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: { mediaType: CONFIG, digest: config.id, size: Buffer.byteLength(config.text) },
    layers: [
      ...base.layers.map(({ mediaType, digest, size }) => ({ mediaType: layerType(mediaType), digest, size })),
      ...own,
    ],
  });
}

/** Writes an index of images for several platforms (OCI image specification, "Image Index"). Docker rejects entries without a platform. */
export async function imageIndex(images: readonly PlatformImage[]): Promise<StoredManifest> {
  const describe = async (image: PlatformImage): Promise<Descriptor> => {
    const { digest, bytes } = await imageManifest(image);
    const { Architecture, Os, Variant } = image.base.info;
    const platform = { architecture: Architecture, os: Os, ...(Variant ? { variant: Variant } : {}) };
    return { mediaType: MANIFEST, digest, size: bytes.length, platform };
  };
  return encode({ schemaVersion: 2, mediaType: INDEX, manifests: await Promise.all(images.map(describe)) });
}

/** Returns the id of images that belong together: that of the only one, or one that depends on all ids. */
export function idOf(images: readonly PlatformImage[]): string {
  const [only] = images;
  if (only && images.length === 1) return only.config.id;
  const ids = images.map(({ platform, config }) => [platformName(platform), config.id]);
  return sha256(JSON.stringify(ids));
}

function layerType(mediaType: string): string {
  if (mediaType === "application/vnd.docker.image.rootfs.diff.tar.gzip") return `${LAYER}+gzip`;
  return mediaType === "application/vnd.docker.image.rootfs.diff.tar" ? LAYER : mediaType;
}

const encode = (content: object): StoredManifest => storedManifest(Buffer.from(JSON.stringify(content)), "an image");
