import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { type Language, WRAPPER_FILES } from "@faas/core";
import type Docker from "dockerode";
import type { ImageInspectInfo } from "dockerode";
import { folderItems, packTo } from "../bundle/pack.ts";
import { TEMPLATE_FOLDERS, templates, wrapperText } from "../bundle/prepare.ts";
import type { DependencyContext } from "../dependencies/context.ts";
import { dockerBuild } from "../docker/build.ts";
import type { Environment } from "../docker/config.ts";
import { byName } from "../source/source.ts";
import { imageConfig, loadImage } from "./archive.ts";
import { type BaseImage, inspectIfThere } from "./base-image.ts";
import { proxyArguments } from "./build-settings.ts";
import { writeLayer } from "./layer.ts";

/** What an environment is called in the engine. They are a cache: whoever removes one has it made again. */
export const ENVIRONMENT_REPOSITORY = "faas-environment";

/** The time that is written where one has to be: none. */
export const NO_TIME = "1970-01-01T00:00:00Z";

/** Whether a language's Dockerfile compiles the wrapper with the dependencies. */
const COMPILES_WRAPPER: Readonly<Record<Language, boolean>> = { node: false, typescript: false, python: true };

export interface EnvironmentOptions {
  readonly runtime: Language;
  readonly base: BaseImage;
  readonly dependencies: DependencyContext | undefined;
  /** For Docker's proxies. */
  readonly env: Environment;
  readonly signal: AbortSignal | undefined;
  /** Told when it is not there yet and has to be made. */
  readonly onInstall?: (() => void) | undefined;
  readonly onLine?: ((line: string) => void) | undefined;
}

export interface ImageEnvironment {
  readonly name: string;
  readonly info: ImageInspectInfo;
}

/**
 * The image that a function's code is put on: the base image, dependencies in one layer, and how it runs, as the runtime's Dockerfile
 * in `templates` says. Made once for the same base image and manifests. INSTALL_FAILED has the installer's own words.
 */
export async function imageEnvironment(docker: Docker, options: EnvironmentOptions): Promise<ImageEnvironment> {
  const { runtime, base, dependencies } = options;
  const dockerfile = await readFile(join(templates, TEMPLATE_FOLDERS[runtime], "Dockerfile"), "utf8");
  const wrapper = COMPILES_WRAPPER[runtime] ? [{ name: WRAPPER_FILES[runtime], text: await wrapperText(runtime) }] : [];
  const words = [dockerfile, base.id, ...wrapper.map(({ text }) => text), ...(dependencies?.words ?? [])];
  const key = createHash("sha256").update(JSON.stringify(words)).digest("hex").slice(0, 32);
  const name = `${ENVIRONMENT_REPOSITORY}:${key}`;
  const known = await inspectIfThere(docker, name);
  if (known) return { name, info: known };
  options.onInstall?.();
  const folder = await mkdtemp(join(tmpdir(), "faas-image-"));
  try {
    const built = await buildEnvironment(
      docker,
      [{ name: "Dockerfile", text: dockerfile }, ...wrapper],
      folder,
      options,
    );
    try {
      const layer = await appLayer(docker, built.Id, join(folder, "layer.tar"), options.signal);
      const layers = layer.entries === 0 ? [] : [layer];
      // What the build left outside of /app (caches of installers, times) stays behind.
      const recipe = { base: base.info, layers, config: built.Config, labels: {}, created: NO_TIME };
      await loadImage(docker, recipe, imageConfig(recipe), name, options.signal);
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
  { base, dependencies, env, signal, onLine }: EnvironmentOptions,
): Promise<ImageInspectInfo> {
  const manifests = join(folder, "manifests");
  await mkdir(manifests);
  const place = (await dependencies?.copyTo(manifests)) ?? ".";
  const contextFile = join(folder, "context.tar");
  // The folder has to be there, also when there is nothing to install.
  const items = [...files, { name: "manifests/.keep", text: "" }, ...(await folderItems(manifests, "manifests"))];
  await packTo(contextFile, items.sort(byName), signal);
  let reached: string | undefined;
  const build = dockerBuild(docker, {
    contextFile,
    dockerfile: files[0],
    // Not cached: two builds at once would share an image, and the first to end would take it from the second.
    options: {
      target: "environment",
      nocache: true,
      rm: true,
      forcerm: true,
      buildargs: { ...(await proxyArguments(env)), BASE_IMAGE: base.id, MANIFESTS: place },
    },
    failure: "INSTALL_FAILED",
    onLine(line) {
      reached = /^ ---> ([0-9a-f]{12})$/.exec(line)?.[1] ?? reached;
      onLine?.(line);
    },
    signal,
  });
  const id = await build.catch(async (error) => {
    // Nobody asks again for what a failed build had made until then.
    if (reached && !base.id.includes(reached))
      await docker
        .getImage(reached)
        .remove()
        .catch(() => {});
    throw error;
  });
  return docker.getImage(id).inspect();
}

/** All that a build left in /app. */
async function appLayer(docker: Docker, image: string, file: string, signal: AbortSignal | undefined) {
  // Never started: only its files are wanted.
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
