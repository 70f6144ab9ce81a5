import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { type Language, WRAPPER_FILES } from "@faas/core";
import type Docker from "dockerode";
import type { ImageInspectInfo } from "dockerode";
import { folderItems, packTo } from "../../bundle/pack.ts";
import { TEMPLATE_FOLDERS, templates, wrapperText } from "../../bundle/prepare.ts";
import { cacheKey } from "../../dependencies/cache.ts";
import type { DependencyContext } from "../../dependencies/context.ts";
import { FindOrCreate } from "../../dependencies/find-or-create.ts";
import { dockerBuild } from "../../docker/build.ts";
import type { Environment } from "../../docker/config.ts";
import { byName } from "../../source/source.ts";
import { type BaseImage, findImage } from "../base-image.ts";
import { imageConfig } from "../config.ts";
import { writeLayer } from "../layer.ts";
import { UNIX_EPOCH } from "../source-time.ts";
import { loadImage } from "./archive.ts";
import { proxyArguments } from "./build-settings.ts";
import { CompilerAdvice } from "./compiler-advice.ts";

/** Repository of environments in the engine. They are a cache: a removed one is built again when it is needed. */
const ENVIRONMENT_REPOSITORY = "faas-environment";

/** True for languages whose Dockerfile compiles the wrapper with the dependencies. */
const COMPILES_WRAPPER: Readonly<Record<Language, boolean>> = { node: false, typescript: false, python: true };

export interface EnvironmentOptions {
  readonly runtime: Language;
  readonly base: BaseImage;
  readonly dependencies: DependencyContext | undefined;
  /** Environment that locates Docker's configuration of proxies. */
  readonly env: Environment;
  readonly signal: AbortSignal | undefined;
  /** Called when the environment does not exist yet and has to be built. */
  readonly onInstall?: (() => void) | undefined;
  readonly onLine?: ((line: string) => void) | undefined;
}

export interface ImageEnvironment {
  readonly name: string;
  readonly info: ImageInspectInfo;
}

/**
 * Finds or builds the image below a function's code: the base image, dependencies in one layer, and command and user, as in the runtime's
 * Dockerfile in `templates`. It is built once per base image and manifests.
 *
 * @throws INSTALL_FAILED with the installer's output
 */
export async function resolveEnvironment(docker: Docker, options: EnvironmentOptions): Promise<ImageEnvironment> {
  const { runtime, base, dependencies } = options;
  const dockerfile = await readFile(join(templates, TEMPLATE_FOLDERS[runtime], "Dockerfile"), "utf8");
  const wrapper = COMPILES_WRAPPER[runtime] ? [{ name: WRAPPER_FILES[runtime], text: await wrapperText(runtime) }] : [];
  const keyParts = [dockerfile, base.id, ...wrapper.map(({ text }) => text), ...(dependencies?.keyParts ?? [])];
  const name = `${ENVIRONMENT_REPOSITORY}:${cacheKey(keyParts)}`;
  return environments.run(
    name,
    async () => {
      const info = await findImage(docker, name);
      return info && { name, info };
    },
    () => {
      options.onInstall?.();
      return createEnvironment(docker, name, [{ name: "Dockerfile", text: dockerfile }, ...wrapper], options);
    },
    options.signal,
  );
}

/** Environments that this process builds, by their names. */
const environments = new FindOrCreate<ImageEnvironment>();

async function createEnvironment(
  docker: Docker,
  name: string,
  files: readonly [Dockerfile: TextFile, ...others: TextFile[]],
  options: EnvironmentOptions,
): Promise<ImageEnvironment> {
  const { base, signal } = options;
  const folder = await mkdtemp(join(tmpdir(), "faas-image-"));
  try {
    const built = await buildEnvironment(docker, files, folder, options);
    try {
      const layer = await extractAppLayer(docker, built.Id, join(folder, "layer.tar"), signal);
      const layers = layer.entries === 0 ? [] : [layer];
      // Only /app is kept: not the caches of installers, nor times.
      const recipe = { base: base.info, layers, config: built.Config, labels: {}, created: UNIX_EPOCH };
      await loadImage(docker, recipe, imageConfig(recipe), name, signal);
    } finally {
      await docker.getImage(built.Id).remove().catch(ignoreMissing);
    }
    return { name, info: await docker.getImage(name).inspect() };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface TextFile {
  readonly name: string;
  readonly text: string;
}

async function buildEnvironment(
  docker: Docker,
  files: readonly [Dockerfile: TextFile, ...others: TextFile[]],
  folder: string,
  { runtime, base, dependencies, env, signal, onLine }: EnvironmentOptions,
): Promise<ImageInspectInfo> {
  const manifests = join(folder, "manifests");
  await mkdir(manifests);
  const manifestFolder = (await dependencies?.copyTo(manifests)) ?? ".";
  const contextFile = join(folder, "context.tar");
  // The folder must exist even without dependencies.
  const items = [...files, { name: "manifests/.keep", text: "" }, ...(await folderItems(manifests, "manifests"))];
  await packTo(contextFile, items.sort(byName), signal);
  let lastImageId: string | undefined;
  const advice = new CompilerAdvice(runtime, base.name);
  const build = dockerBuild(docker, {
    contextFile,
    dockerfile: files[0],
    // Not cached: two concurrent builds would share an image, and the first to finish would remove it.
    options: {
      target: "environment",
      nocache: true,
      rm: true,
      forcerm: true,
      buildargs: { ...(await proxyArguments(env)), BASE_IMAGE: base.id, MANIFESTS: manifestFolder },
    },
    failure: "INSTALL_FAILED",
    onLine(line) {
      lastImageId = /^ ---> ([0-9a-f]{12})$/.exec(line)?.[1] ?? lastImageId;
      advice.observe(line);
      onLine?.(line);
    },
    signal,
  });
  const id = await build.catch(async (error) => {
    // Nothing else uses the intermediate image of a failed build.
    if (lastImageId && !base.id.includes(lastImageId))
      await docker
        .getImage(lastImageId)
        .remove()
        .catch(() => {});
    throw advice.applyTo(error);
  });
  return docker.getImage(id).inspect();
}

/** Extracts /app of an image as a layer. */
async function extractAppLayer(docker: Docker, image: string, file: string, signal: AbortSignal | undefined) {
  // The container is never started: only its files are read.
  const container = await docker.createContainer({ Image: image, Cmd: ["-"], Labels: { "faas.build": "true" } });
  try {
    const tar = (await container.getArchive({ path: "/app" })) as Readable;
    return await writeLayer(tar, file, signal);
  } finally {
    await container.remove({ force: true });
  }
}

function ignoreMissing(error: { statusCode?: number }): void {
  if (error.statusCode !== 404) throw error;
}
