import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FaasError } from "@faas/core";
import { SOURCE_LIMIT_BYTES } from "../bundle/prepare.ts";
import type { DetectedSettings } from "../detection/detected-app.ts";
import { connectDocker } from "../docker/engine.ts";
import { explainEngineError } from "../docker/engine-errors.ts";
import { parseRegistry } from "../registry/image-reference.ts";
import { usesDockerfile } from "../source/runtime.ts";
import { readSource } from "../source/source.ts";
import { prepareDockerfileImage } from "./dockerfile-image.ts";
import { prepareFunctionImage } from "./function-image.ts";
import type { ImageOptions } from "./image-options.ts";
import { keepInEngine, type PublishedImage, publishToRegistry } from "./publish.ts";

export interface BuiltImage extends DetectedSettings, PublishedImage {
  /** `sha256:…`; equal content has an equal id. */
  readonly imageId: string;
  /** Description of the code for people, such as "Express app, server.js". */
  readonly description: string;
  /** Image below the code in the engine: the base image and the dependencies. Absent for a folder with its own Dockerfile. */
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
  const source = await readSource(dir, options.sizeLimitBytes ?? SOURCE_LIMIT_BYTES, signal);
  const docker = await connectDocker(env);
  const folder = await mkdtemp(join(tmpdir(), "faas-image-"));
  try {
    const usesOwn = usesDockerfile(source, options.runtime, options.handler ?? options.app ?? options.signature);
    const prepare = usesOwn ? prepareDockerfileImage : prepareFunctionImage;
    const resolved = { ...options, env };
    const image = await prepare(docker, source, folder, resolved);
    const { load: _, warm: __, ...facts } = image;
    const published =
      options.push && options.registry
        ? await publishToRegistry(docker, image, options.registry, resolved)
        : await keepInEngine(docker, image, resolved);
    return { ...facts, ...published };
  } catch (error) {
    signal?.throwIfAborted();
    throw explainEngineError(error);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
