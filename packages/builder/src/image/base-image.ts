import { FaasError, type Language } from "@faas/core";
import type Docker from "dockerode";
import type { ImageInspectInfo } from "dockerode";
import type { Environment } from "../docker/config.ts";
import { engineWords } from "../docker/engine-errors.ts";
import { events } from "../docker/events.ts";
import { type ImageProgress, LayerProgress } from "../docker/layer-progress.ts";
import { authOf, registryCredentials } from "../registry/credentials.ts";
import { imageReference, parseImageReference } from "../registry/image-reference.ts";

/** What functions run on when nothing else is said. */
export const DEFAULT_BASE_IMAGES: Readonly<Record<Language, string>> = {
  node: "node:24-slim",
  typescript: "node:24-slim",
  python: "python:3.11-slim",
};

/** A base image that the engine has. */
export interface BaseImage {
  /** As it was named. */
  readonly name: string;
  /** `sha256:…` of its configuration: never changes its meaning. */
  readonly id: string;
  /** `sha256:…` of its manifest in the registry that its name says; absent when it was made on this engine. */
  readonly digest?: string;
  readonly info: ImageInspectInfo;
}

interface PullOptions {
  readonly env: Environment;
  readonly signal: AbortSignal | undefined;
  /** Told when it has to be pulled. */
  readonly onPull?: (() => void) | undefined;
  readonly onProgress?: ((progress: ImageProgress) => void) | undefined;
}

/** Finds the base image in the engine, or has it pulled, and pins it. BUILD_FAILED when it is not to be had. */
export async function resolveBaseImage(
  docker: Docker,
  name: string,
  { env, signal, onPull, onProgress }: PullOptions,
): Promise<BaseImage> {
  const wanted = parseImageReference(name);
  const info = (await inspectIfThere(docker, name)) ?? (await pulled());
  const digests = (info.RepoDigests ?? []).flatMap((each) => {
    const { registry, repository, digest } = imageReference(each) ?? {};
    return registry === wanted.registry && repository === wanted.repository && digest ? [digest] : [];
  });
  const digest = wanted.digest ?? digests.sort()[0];
  return { name, id: info.Id, info, ...(digest === undefined ? {} : { digest }) };

  async function pulled(): Promise<ImageInspectInfo> {
    onPull?.();
    const tagged = wanted.tag || wanted.digest ? name : `${name}:latest`;
    try {
      const authconfig = authOf(await registryCredentials(wanted.registry, env), wanted.registry);
      const stream = await docker.pull(tagged, { authconfig, abortSignal: signal });
      const layers = new LayerProgress();
      for await (const event of events(stream, signal)) {
        if (event.error !== undefined) throw new Error(event.error);
        const progress = layers.after(event);
        if (progress) onProgress?.(progress);
      }
      return await docker.getImage(tagged).inspect();
    } catch (cause) {
      signal?.throwIfAborted();
      if (cause instanceof FaasError) throw cause;
      throw new FaasError(
        "BUILD_FAILED",
        `The base image ${name} is not in the Docker engine and cannot be pulled: ${engineWords(cause)}. Name another with --base-image`,
        { cause },
      );
    }
  }
}

/** What the engine knows of an image; undefined when it has none of that name or id. */
export async function inspectIfThere(docker: Docker, name: string): Promise<ImageInspectInfo | undefined> {
  try {
    return await docker.getImage(name).inspect();
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return undefined;
    throw error;
  }
}
