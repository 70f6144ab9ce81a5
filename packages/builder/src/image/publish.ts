import { FaasError, type Registry, type WarmImage } from "@faas/core";
import type Docker from "dockerode";
import { FindOrCreate } from "../dependencies/find-or-create.ts";
import { findManifest, type RegistryAccess } from "../registry/client.ts";
import { registryCredentials } from "../registry/credentials.ts";
import { parseRegistry } from "../registry/image-reference.ts";
import { pushImage } from "../registry/push.ts";
import { findImage } from "./base-image.ts";
import type { ResolvedImageOptions } from "./image-options.ts";
import type { PreparedImage } from "./prepared-image.ts";
import type { PreparedWarmImage } from "./warm/warm-image.ts";

/** Image in the registry, or in the Docker engine. */
export interface PublishedImage {
  /** By digest after a push, else the name in the Docker engine. */
  readonly reference: string;
  /** Name with the tag. */
  readonly tagged: string;
  /** False when the registry already had the image, or no push was requested. */
  readonly pushed: boolean;
  /** Absent: warm pods cannot run the function. */
  readonly warm?: WarmImage;
  readonly warnings: readonly string[];
}

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

/** Pushes the image and what warm pods need, as far as the registry lacks it. The code for warm pods is uploaded during the push. */
export async function publishToRegistry(
  docker: Docker,
  image: PreparedImage,
  registry: Registry,
  options: ResolvedImageOptions,
): Promise<PublishedImage> {
  options.onStage?.("push");
  const { org, endpoint, tag = tagOf(image), signal, onProgress } = options;
  const target = await PushTarget.open(docker, registry, options);
  const { warm } = image;
  const beside = warm && Promise.allSettled([options.uploadCode?.(warm.code), target.find(warmName(warm, org), warm)]);
  const name = { repository: `${org}/${endpoint}`, tag };
  const existing = await target.find(name, image);
  const digest = existing ?? (await target.push(name, image, onProgress));
  const published = {
    reference: target.reference(name, digest),
    tagged: target.tagged(name),
    pushed: existing === undefined,
    warnings: image.warnings,
  };
  if (!warm || !beside) return published;
  try {
    const [uploaded, found] = await beside;
    if (uploaded.status === "rejected") throw uploaded.reason;
    if (found.status === "rejected") throw found.reason;
    return { ...published, warm: await publishWarmImage(target, warm, org, found.value, signal) };
  } catch (error) {
    signal?.throwIfAborted();
    // The function runs without warm pods too.
    if (!(error instanceof FaasError)) throw error;
    return { ...published, warnings: [...image.warnings, `cold starts use no warm pods: ${error.message}`] };
  }
}

/** Images of warm pods that this process pushes, by their names: functions of one project often have the same. */
const warmImages = new FindOrCreate<string>();

/** Pushes the image of warm pods if the registry lacks it. It comes after that of the function, so that the registry has its large layers already. */
async function publishWarmImage(
  target: PushTarget,
  warm: PreparedWarmImage,
  org: string,
  existing: string | undefined,
  signal: AbortSignal | undefined,
): Promise<WarmImage> {
  const name = warmName(warm, org);
  const find = () => target.find(name, warm);
  const digest = existing ?? (await warmImages.run(target.tagged(name), find, () => target.push(name, warm), signal));
  const image = target.reference(name, digest);
  return { image, code: warm.code.digest, ...(warm.hasDependencies ? { hasDependencies: true } : {}) };
}

const tagOf = ({ imageId }: LoadableImage) => imageId.slice("sha256:".length, "sha256:".length + 12);

const warmName = (warm: PreparedWarmImage, org: string): ImageName => ({
  repository: `${org}/${warm.repository}`,
  tag: tagOf(warm),
});

interface ImageName {
  /** Path below that of the registry's address. */
  readonly repository: string;
  readonly tag: string;
}

/** Registry that images are pushed to. */
class PushTarget {
  readonly #docker: Docker;
  readonly #registry: Registry;
  readonly #prefix: string;
  readonly #access: Omit<RegistryAccess, "repository">;

  private constructor(docker: Docker, registry: Registry, prefix: string, access: Omit<RegistryAccess, "repository">) {
    this.#docker = docker;
    this.#registry = registry;
    this.#prefix = prefix;
    this.#access = access;
  }

  static async open(docker: Docker, registry: Registry, { env, signal }: ResolvedImageOptions): Promise<PushTarget> {
    const { host, prefix } = parseRegistry(registry.push);
    const credentials = await registryCredentials(host, env);
    return new PushTarget(docker, registry, prefix, { host, credentials, env, signal });
  }

  /** Returns the digest of the image's manifest; undefined if the registry lacks the image. */
  async find({ repository, tag }: ImageName, { imageId }: LoadableImage): Promise<string | undefined> {
    const existing = await findManifest({ ...this.#access, repository: `${this.#prefix}${repository}` }, tag);
    return existing?.configDigest === imageId ? existing.digest : undefined;
  }

  /** Pushes an image, and returns the digest of its manifest. */
  async push(name: ImageName, image: LoadableImage, onProgress?: ResolvedImageOptions["onProgress"]): Promise<string> {
    await load(this.#docker, image, this.tagged(name));
    const repository = `${this.#prefix}${name.repository}`;
    return pushImage(this.#docker, { ...this.#access, repository, tag: name.tag, onProgress });
  }

  /** Returns the name of an image for the Docker engine. */
  tagged({ repository, tag }: ImageName): string {
    return `${this.#access.host}/${this.#prefix}${repository}:${tag}`;
  }

  /** Returns the name of an image for the platform's pulls. */
  reference({ repository }: ImageName, digest: string): string {
    return `${this.#registry.pull.replace(/\/+$/, "")}/${repository}@${digest}`;
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
