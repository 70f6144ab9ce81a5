import type { Registry } from "@faas/core";
import { defaultCacheDir } from "../../dependencies/cache.ts";
import type { Source } from "../../source/source.ts";
import type { ResolvedImageOptions } from "../image-options.ts";
import { publishToRegistry } from "../publish.ts";
import { BlobLocations } from "./blob-locations.ts";
import { prepareImageSet } from "./prepare.ts";
import { RegistryTarget } from "./registry-target.ts";
import { Sessions } from "./sessions.ts";

/**
 * Builds a function's image and pushes it, without a container engine: layers, configuration and manifest are written here, and sent by the registry's API.
 * `folder` is for temporary files.
 */
export async function buildInRegistry(
  source: Source,
  registry: Registry,
  folder: string,
  options: ResolvedImageOptions,
) {
  const cacheDir = defaultCacheDir(options.env);
  using sessions = new Sessions(options.env, options.signal);
  const target = await RegistryTarget.open(registry, sessions, new BlobLocations(cacheDir));
  // During the preparation.
  void target.connect();
  const image = await prepareImageSet(source, { folder, cacheDir, sessions }, options);
  const { images: _, warm: __, ...facts } = image;
  return { ...facts, builder: "registry" as const, ...(await publishToRegistry(target, image, options)) };
}
