import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EndpointRef, Registry, Runtime } from "@faas/core";
import { FaasError } from "@faas/core";
import type Docker from "dockerode";
import type { ImageInspectInfo } from "dockerode";
import { SOURCE_LIMIT_BYTES } from "../bundle/prepare.ts";
import type { Environment } from "../docker/config.ts";
import { connectDocker } from "../docker/engine.ts";
import { engineFailed } from "../docker/engine-errors.ts";
import type { ImageProgress } from "../docker/layer-progress.ts";
import { findManifest } from "../registry/client.ts";
import { registryCredentials } from "../registry/credentials.ts";
import { parseRegistry } from "../registry/image-reference.ts";
import { pushImage } from "../registry/push.ts";
import { picksDockerfile } from "../source/runtime.ts";
import { readSource } from "../source/source.ts";
import { inspectIfThere } from "./base-image.ts";
import { dockerfileImage } from "./dockerfile-image.ts";
import { functionImage } from "./function-image.ts";

export type ImageStage = "prepare" | "pull" | "install" | "build" | "push";

export interface ImageOptions extends EndpointRef {
  /** Where it is pushed to and pulled from; absent: it stays in the Docker engine. */
  readonly registry?: Registry;
  /** Push it, when the registry has not got it. */
  readonly push?: boolean;
  /** In place of the first 12 hexadecimal digits of the image's id. */
  readonly tag?: string;
  /** Found when absent. */
  readonly runtime?: Runtime;
  /** `file.export`; the wrapper looks for it when absent. */
  readonly handler?: string;
  /** What it runs on; the default of the language when absent. */
  readonly baseImage?: string;
  /** More labels of the image. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly sizeLimitBytes?: number;
  readonly signal?: AbortSignal;
  /** Told when a stage begins. */
  readonly onStage?: (stage: ImageStage) => void;
  /** Told of every line that an installer or a Dockerfile prints. */
  readonly onLine?: (line: string) => void;
  /** Of a pull of the base image, and of the push. */
  readonly onProgress?: (progress: ImageProgress) => void;
  /** Where Docker, its logins and SOURCE_DATE_EPOCH are looked for; this process's. */
  readonly env?: Environment;
}

export interface BuiltImage {
  /** What a platform pulls: by digest when it was pushed, else the name in the Docker engine. */
  readonly reference: string;
  /** The name by tag, in the registry or in the Docker engine. */
  readonly tagged: string;
  /** `sha256:…`: the same for the same content. */
  readonly imageId: string;
  readonly runtime: Runtime;
  readonly handler?: string;
  /** The image of the engine that the code was put on: the base image and what was installed. None of a Dockerfile's own. */
  readonly environment?: string;
  /** False when the registry had it already, or it was not to be pushed. */
  readonly pushed: boolean;
  /** What was left out and may be missed. */
  readonly warnings: readonly string[];
}

/** An image that is known by its id, and can be had in the engine. */
export interface Buildable {
  readonly imageId: string;
  readonly runtime: Runtime;
  readonly handler?: string;
  readonly environment?: string;
  readonly warnings: readonly string[];
  /** Puts it in the engine under a name. */
  load(name: string): Promise<void>;
}

/**
 * Source folder to container image: a function in its language's image with the wrapper, or what the folder's own Dockerfile makes.
 * With `push` it is in the registry afterwards. Throws FaasErrors of docs/errors.md, "The command line".
 */
export async function buildImage(dir: string, options: ImageOptions): Promise<BuiltImage> {
  const { env = process.env, signal } = options;
  options.onStage?.("prepare");
  const registry = options.registry && { push: parseRegistry(options.registry.push), pull: options.registry.pull };
  if (options.push && !registry) throw new FaasError("USAGE", "Expected a registry to push to, and none is named");
  const source = await readSource(dir, options.sizeLimitBytes ?? SOURCE_LIMIT_BYTES, signal);
  const docker = await connectDocker(env);
  const folder = await mkdtemp(join(tmpdir(), "faas-image-"));
  try {
    const make = picksDockerfile(source, options.runtime, options.handler) ? dockerfileImage : functionImage;
    const image = await make(docker, source, folder, { ...options, env });
    const { imageId } = image;
    const name = `${registry?.push.prefix ?? ""}${options.org}/${options.endpoint}`;
    const tag = options.tag ?? imageId.slice("sha256:".length, "sha256:".length + 12);
    const tagged = `${registry ? `${registry.push.host}/` : ""}${name}:${tag}`;
    const { load: _, ...facts } = image;
    const built = { ...facts, tagged };
    if (!options.push || !registry) {
      await load(docker, image, tagged);
      return { ...built, reference: tagged, pushed: false };
    }
    options.onStage?.("push");
    const { host } = registry.push;
    const access = { host, repository: name, credentials: await registryCredentials(host, env), env, signal };
    const known = await findManifest(access, tag);
    const isThere = known?.configDigest === imageId;
    if (!isThere) await load(docker, image, tagged);
    const digest = isThere ? known.digest : await pushImage(docker, { ...access, tag, onProgress: options.onProgress });
    const reference = `${registry.pull.replace(/\/+$/, "")}/${options.org}/${options.endpoint}@${digest}`;
    return { ...built, reference, pushed: !isThere };
  } catch (error) {
    signal?.throwIfAborted();
    throw engineFailed(error);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What an engine has under this id needs only the name. */
async function load(docker: Docker, image: Buildable, name: string): Promise<void> {
  const known: ImageInspectInfo | undefined = await inspectIfThere(docker, image.imageId);
  if (!known) return image.load(name);
  if (known.RepoTags?.includes(name)) return;
  const colon = name.lastIndexOf(":");
  await docker.getImage(image.imageId).tag({ repo: name.slice(0, colon), tag: name.slice(colon + 1) });
}
