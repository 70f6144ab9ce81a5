import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FaasError } from "@faas/core";
import { SOURCE_LIMIT_BYTES } from "../bundle/prepare.ts";
import type { DetectedSettings } from "../detection/detected-app.ts";
import { parseRegistry } from "../registry/image-reference.ts";
import { usesDockerfile } from "../source/runtime.ts";
import { readSource, type Source } from "../source/source.ts";
import type { ImageOptions, ResolvedImageOptions } from "./image-options.ts";
import type { PublishedImage } from "./publish.ts";
import { NeedsDocker } from "./registry-build/needs-docker.ts";
import { parsePlatforms } from "./registry-build/platforms.ts";

export interface BuiltImage extends DetectedSettings, PublishedImage {
  /** `sha256:…`; equal content has an equal id. */
  readonly imageId: string;
  /** Platforms that the image is for, such as `linux/amd64`. */
  readonly platforms: readonly string[];
  /** Program that has built it. */
  readonly builder: "registry" | "docker";
  /** Description of the code for people, such as "Express app, server.js". */
  readonly description: string;
  /** Image below the code in the engine: the base image and the dependencies. Absent for a folder with its own Dockerfile, and without an engine. */
  readonly environment?: string;
}

/**
 * Builds a container image from a source folder: the language's image with the function and the wrapper, or the image of the folder's own
 * Dockerfile. With `push`, the image is in the registry afterwards.
 *
 * @throws the codes of docs/errors.md, "The command line"
 */
export async function buildImage(dir: string, options: ImageOptions): Promise<BuiltImage> {
  const { env = process.env, signal } = options;
  options.onStage?.("prepare");
  if (options.push && !options.registry)
    throw new FaasError("USAGE", "Expected a registry to push to, but none was given");
  // Fails before the build, not after it.
  if (options.registry) parseRegistry(options.registry.push);
  if (options.baseRegistry) parseRegistry(options.baseRegistry);
  parsePlatforms(options.platforms ?? []);
  const source = await readSource(dir, options.sizeLimitBytes ?? SOURCE_LIMIT_BYTES, signal);
  const folder = await mkdtemp(join(tmpdir(), "faas-image-"));
  try {
    return await build(source, folder, { ...options, env });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function build(source: Source, folder: string, options: ResolvedImageOptions): Promise<BuiltImage> {
  const { builder = "auto", push = false, registry } = options;
  const usesOwn = usesDockerfile(source, options.runtime, options.handler ?? options.app ?? options.signature);
  if (builder === "registry" && usesOwn)
    throw new FaasError("USAGE", "A Dockerfile needs a Docker engine: build it with --builder docker");
  if (builder === "registry" && !push)
    throw new FaasError("USAGE", "Without a Docker engine, an image can only be in a registry: build it with --push");
  if (builder === "docker" || usesOwn || !push || !registry) return withDocker(source, usesOwn, folder, options);
  const { buildInRegistry } = await import("./registry-build/build.ts");
  try {
    return await buildInRegistry(source, registry, folder, options);
  } catch (error) {
    options.signal?.throwIfAborted();
    if (builder === "registry" || !mayWorkWithDocker(error)) throw error;
    return withDockerInstead(source, folder, options, error);
  }
}

async function withDocker(
  source: Source,
  usesOwn: boolean,
  folder: string,
  options: ResolvedImageOptions,
): Promise<BuiltImage> {
  const { buildWithDocker } = await import("./engine/docker-build.ts");
  return checkPlatforms(await buildWithDocker(source, usesOwn, folder, options), options);
}

/** Errors that a Docker engine may not have: it can run installers, keeps images that no registry has, and may be in another network. */
const mayWorkWithDocker = (error: unknown): error is FaasError =>
  error instanceof NeedsDocker || (error instanceof FaasError && error.code === "NO_PREBUILT_PACKAGE");

async function withDockerInstead(
  source: Source,
  folder: string,
  options: ResolvedImageOptions,
  reason: FaasError,
): Promise<BuiltImage> {
  try {
    return await withDocker(source, false, folder, options);
  } catch (error) {
    options.signal?.throwIfAborted();
    if ((error as FaasError).code !== "DOCKER_UNREACHABLE") throw error;
    throw new FaasError(reason.code, `${reason.message}. A Docker engine, which could build it, does not respond`, {
      ...{ cause: reason, extensions: reason.extensions },
    });
  }
}

/** Reports platforms that an engine has not built for. */
function checkPlatforms(image: BuiltImage, { platforms: requested = [], builder }: ResolvedImageOptions): BuiltImage {
  const missing = requested.filter((each) => !image.platforms.includes(each));
  const built = image.platforms.join(", ");
  if (missing.length === 0) return image;
  if (missing.length === requested.length)
    throw new FaasError(
      "BUILD_FAILED",
      `The Docker engine builds for ${built}, but the image is to run on ${requested.join(", ")}. ${builder === "docker" ? "Build it without --builder docker, or use" : "Use"} an engine on such a machine`,
    );
  const warning = `the Docker engine has built the image for ${built} only, not for ${missing.join(", ")}`;
  return { ...image, warnings: [...image.warnings, warning] };
}
