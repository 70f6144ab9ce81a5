import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FaasError } from "@faas/core";
import type Docker from "dockerode";
import { SOURCE_LIMIT_BYTES } from "../bundle/prepare.ts";
import type { DetectedSettings } from "../detection/detected-app.ts";
import { connectDocker } from "../docker/engine.ts";
import { explainEngineError } from "../docker/engine-errors.ts";
import { findManifest } from "../registry/client.ts";
import { registryCredentials } from "../registry/credentials.ts";
import { parseRegistry } from "../registry/image-reference.ts";
import { pushImage } from "../registry/push.ts";
import { usesDockerfile } from "../source/runtime.ts";
import { readSource } from "../source/source.ts";
import { findImage } from "./base-image.ts";
import { prepareDockerfileImage } from "./dockerfile-image.ts";
import { prepareFunctionImage } from "./function-image.ts";
import type { ImageOptions, ResolvedImageOptions } from "./image-options.ts";
import type { PreparedImage } from "./prepared-image.ts";

export interface BuiltImage extends DetectedSettings {
  /** Reference for the platform's pulls: by digest after a push, else the name in the Docker engine. */
  readonly reference: string;
  /** Name with the tag, in the registry or in the Docker engine. */
  readonly tagged: string;
  /** `sha256:…`; equal content has an equal id. */
  readonly imageId: string;
  /** Description of the code for people, such as "Express app, server.js". */
  readonly description: string;
  /** Image below the code in the engine: the base image and the dependencies. Absent for a folder with its own Dockerfile. */
  readonly environment?: string;
  /** False when the registry already had the image, or no push was requested. */
  readonly pushed: boolean;
  /** Files that were left out although the function may need them. */
  readonly warnings: readonly string[];
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
    return await publish(docker, await prepare(docker, source, folder, resolved), resolved);
  } catch (error) {
    signal?.throwIfAborted();
    throw explainEngineError(error);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Loads the image into the engine and, when requested, pushes it; does neither if the registry already has it. */
async function publish(docker: Docker, image: PreparedImage, options: ResolvedImageOptions): Promise<BuiltImage> {
  const { env, signal, org, endpoint, registry } = options;
  const { load: _, ...facts } = image;
  const { host, prefix } = registry ? parseRegistry(registry.push) : { host: undefined, prefix: "" };
  const repository = `${prefix}${org}/${endpoint}`;
  const tag = options.tag ?? image.imageId.slice("sha256:".length, "sha256:".length + 12);
  const tagged = `${host === undefined ? "" : `${host}/`}${repository}:${tag}`;
  if (!options.push || !registry || host === undefined) {
    await load(docker, image, tagged);
    return { ...facts, tagged, reference: tagged, pushed: false };
  }
  options.onStage?.("push");
  const access = { host, repository, credentials: await registryCredentials(host, env), env, signal };
  const existing = await findManifest(access, tag);
  const isPushed = existing?.configDigest === image.imageId;
  if (!isPushed) await load(docker, image, tagged);
  const digest = isPushed
    ? existing.digest
    : await pushImage(docker, { ...access, tag, onProgress: options.onProgress });
  const reference = `${registry.pull.replace(/\/+$/, "")}/${org}/${endpoint}@${digest}`;
  return { ...facts, tagged, reference, pushed: !isPushed };
}

/** Makes the engine have the image under a name; an image that it already has is only tagged. */
async function load(docker: Docker, image: PreparedImage, name: string): Promise<void> {
  const existing = await findImage(docker, image.imageId);
  if (!existing) return image.load(name);
  if (existing.RepoTags?.includes(name)) return;
  const colon = name.lastIndexOf(":");
  await docker.getImage(image.imageId).tag({ repo: name.slice(0, colon), tag: name.slice(colon + 1) });
}
