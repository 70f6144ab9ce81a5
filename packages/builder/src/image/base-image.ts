import { FaasError, type Language } from "@faas/core";
import type Docker from "dockerode";
import type { ImageInspectInfo } from "dockerode";
import type { Environment } from "../docker/config.ts";
import { engineMessage } from "../docker/engine-errors.ts";
import { events } from "../docker/events.ts";
import { type ImageProgress, LayerProgress } from "../docker/layer-progress.ts";
import { engineAuth, registryCredentials } from "../registry/credentials.ts";
import { parseImageReference, tryParseImageReference } from "../registry/image-reference.ts";
import type { BaseFacts } from "./config.ts";

/** Base images of functions unless another one is given. */
export const DEFAULT_BASE_IMAGES: Readonly<Record<Language | "binary", string>> = {
  node: "node:24-slim",
  typescript: "node:24-slim",
  python: "python:3.11-slim",
  binary: "debian:12-slim",
};

/** Returns the name of the base image of a function: the given one, or that of its language. */
export const baseImageName = (
  runtime: keyof typeof DEFAULT_BASE_IMAGES,
  { baseImage }: { readonly baseImage?: string },
): string => baseImage ?? DEFAULT_BASE_IMAGES[runtime];

/**
 * Returns the name under which a registry has a base image: official images of Docker Hub, which are named without a registry, may come from a mirror.
 *
 * @param baseRegistry `host[:port][/path]` of the mirror
 */
export function mirroredName(name: string, baseRegistry: string | undefined): string {
  if (!baseRegistry || name.includes("/")) return name;
  return `${baseRegistry.replace(/\/+$/, "")}/${name}`;
}

/** A base image that the engine has. */
export interface BaseImage {
  /** Name as given by the user. */
  readonly name: string;
  /** `sha256:…` of its configuration: always the same content. */
  readonly id: string;
  /** `sha256:…` of its manifest in the registry of its name; absent for an image built on this engine. */
  readonly digest?: string;
  readonly info: BaseFacts;
}

interface PullOptions {
  readonly env: Environment;
  readonly signal: AbortSignal | undefined;
  readonly baseRegistry?: string | undefined;
  /** Called before a pull. */
  readonly onPull?: (() => void) | undefined;
  readonly onProgress?: ((progress: ImageProgress) => void) | undefined;
}

/**
 * Finds the base image in the engine, pulls it if it is missing, and pins it to its id.
 *
 * @throws BUILD_FAILED if it cannot be pulled
 */
export async function resolveBaseImage(
  docker: Docker,
  name: string,
  { env, signal, baseRegistry, onPull, onProgress }: PullOptions,
): Promise<BaseImage> {
  const reference = mirroredName(name, baseRegistry);
  const wanted = parseImageReference(reference);
  const info = (await findImage(docker, name)) ?? (await findImage(docker, reference)) ?? (await pull());
  const digests = (info.RepoDigests ?? []).flatMap((each) => {
    const { registry, repository, digest } = tryParseImageReference(each) ?? {};
    return registry === wanted.registry && repository === wanted.repository && digest ? [digest] : [];
  });
  const digest = wanted.digest ?? digests.sort()[0];
  return { name, id: info.Id, info, ...(digest === undefined ? {} : { digest }) };

  async function pull(): Promise<ImageInspectInfo> {
    onPull?.();
    const tagged = wanted.tag || wanted.digest ? reference : `${reference}:latest`;
    try {
      const authconfig = engineAuth(await registryCredentials(wanted.registry, env), wanted.registry);
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
        `The base image ${name} is not in the Docker engine and cannot be pulled: ${engineMessage(cause)}. Choose another with --base-image`,
        { cause },
      );
    }
  }
}

/** Inspects an image in the engine; undefined when the engine has no image with that name or id. */
export async function findImage(docker: Docker, name: string): Promise<ImageInspectInfo | undefined> {
  try {
    return await docker.getImage(name).inspect();
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return undefined;
    throw error;
  }
}
