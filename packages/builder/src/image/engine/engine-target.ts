import type { Registry } from "@faas/core";
import type Docker from "dockerode";
import { findManifest, type RegistryAccess } from "../../registry/client.ts";
import { registryCredentials } from "../../registry/credentials.ts";
import { parseRegistry } from "../../registry/image-reference.ts";
import { pushImage } from "../../registry/push.ts";
import { findImage } from "../base-image.ts";
import type { ResolvedImageOptions } from "../image-options.ts";
import type { PreparedImage } from "../prepared-image.ts";
import { type PublishedImage, type PushTarget, tagOf } from "../publish.ts";
import { type ImageName, RegistryNames } from "../registry-names.ts";

type LoadableImage = Pick<PreparedImage, "imageId" | "load">;

/** Loads the image into the engine under its name, and pushes nothing. */
export async function keepInEngine(
  docker: Docker,
  image: PreparedImage,
  options: ResolvedImageOptions,
): Promise<PublishedImage> {
  const { org, endpoint, registry, tag = tagOf(image) } = options;
  const { host, prefix } = registry ? parseRegistry(registry.push) : { host: undefined, prefix: "" };
  const tagged = `${host === undefined ? "" : `${host}/`}${prefix}${org}/${endpoint}:${tag}`;
  await load(docker, image, tagged);
  return { reference: tagged, tagged, pushed: false, warnings: image.warnings };
}

/** Registry that the engine pushes to. */
export class EngineTarget implements PushTarget<LoadableImage> {
  readonly names: RegistryNames;
  readonly #docker: Docker;
  readonly #access: Omit<RegistryAccess, "repository">;

  private constructor(docker: Docker, names: RegistryNames, access: Omit<RegistryAccess, "repository">) {
    this.#docker = docker;
    this.names = names;
    this.#access = access;
  }

  static async open(docker: Docker, registry: Registry, { env, signal }: ResolvedImageOptions): Promise<EngineTarget> {
    const names = new RegistryNames(registry);
    const { host } = names;
    const credentials = await registryCredentials(host, env);
    return new EngineTarget(docker, names, { host, credentials, env, signal });
  }

  async find(name: ImageName, { imageId }: LoadableImage): Promise<string | undefined> {
    const existing = await findManifest({ ...this.#access, repository: this.names.repository(name) }, name.tag);
    return existing?.configDigest === imageId ? existing.digest : undefined;
  }

  async push(name: ImageName, image: LoadableImage, onProgress?: ResolvedImageOptions["onProgress"]): Promise<string> {
    await load(this.#docker, image, this.names.tagged(name));
    const repository = this.names.repository(name);
    return pushImage(this.#docker, { ...this.#access, repository, tag: name.tag, onProgress });
  }
}

/** Makes the engine have the image under a name; an image that it already has is only tagged. */
async function load(docker: Docker, image: LoadableImage, name: string): Promise<void> {
  const existing = await findImage(docker, image.imageId);
  if (!existing) return image.load(name);
  if (existing.RepoTags?.includes(name)) return;
  const colon = name.lastIndexOf(":");
  await docker.getImage(image.imageId).tag({ repo: name.slice(0, colon), tag: name.slice(colon + 1) });
}
