import { join } from "node:path";
import { type Language, WRAPPER_FILES } from "@faas/core";
import type Docker from "dockerode";
import { packTo } from "../../bundle/pack.ts";
import { TEMPLATE_FOLDERS, wrapperText } from "../../bundle/prepare.ts";
import type { BaseImage } from "../base-image.ts";
import { type BaseFacts, imageConfig } from "../config.ts";
import { loadImage } from "../engine/archive.ts";
import type { ImageEnvironment } from "../engine/environment.ts";
import type { ResolvedImageOptions } from "../image-options.ts";
import { warmImageLabels } from "../labels.ts";
import { UNIX_EPOCH } from "../source-time.ts";
import type { CodeBundle } from "./code-bundle.ts";

/** Folder of the wrapper in the image. Not /app, where the code of the function will be. */
const WRAPPER_FOLDER = "warm";

const PROGRAMS: Readonly<Record<(typeof TEMPLATE_FOLDERS)[Language], string>> = { node: "node", python: "python3" };

/** Part of the image for warm pods that does not depend on where it is (docs/decisions/0038-warm-images-and-code-bundles.md). */
export interface PreparedWarmPart {
  /** Repository below the organization's. No endpoint has it: their names have no underscores. */
  readonly repository: string;
  /** True if the image has dependencies in /app. */
  readonly hasDependencies: boolean;
  readonly code: CodeBundle;
}

/** Image and code with which a function starts in a warm pod. */
export interface PreparedWarmImage extends PreparedWarmPart {
  readonly imageId: string;
  /** Loads the image into the engine under a name. */
  load(name: string): Promise<void>;
}

/** Layer of an image for warm pods above the environment. */
export interface WarmLayer {
  readonly file: string;
  readonly diffId: string;
  readonly entries: number;
}

/** Packs the layer with the wrapper into a folder for temporary files. */
export async function packWarmLayer(
  runtime: Language,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<WarmLayer> {
  const file = join(folder, "warm.tar");
  const items = [{ name: WRAPPER_FOLDER }, { name: wrapperPath(runtime), text: await wrapperText(runtime) }];
  return { file, diffId: await packTo(file, items, signal), entries: items.length };
}

/** Returns what an image of warm pods has besides its layers: the environment's configuration with another command. */
export const warmSettings = (
  runtime: Language,
  environment: BaseFacts["Config"],
  base: BaseImage,
  options: ResolvedImageOptions,
) => ({
  config: { ...environment, Cmd: [PROGRAMS[TEMPLATE_FOLDERS[runtime]], `/${wrapperPath(runtime)}`] },
  labels: warmImageLabels(options, base),
  // Every deployment builds the same image.
  created: UNIX_EPOCH,
});

export const warmRepository = (runtime: Language): string => `warm_${TEMPLATE_FOLDERS[runtime]}`;

const wrapperPath = (runtime: Language) => `${WRAPPER_FOLDER}/${WRAPPER_FILES[runtime]}`;

export interface WarmImageInput {
  readonly runtime: Language;
  readonly base: BaseImage;
  readonly environment: ImageEnvironment;
  readonly hasDependencies: boolean;
  readonly code: CodeBundle;
  /** Folder for temporary files. */
  readonly folder: string;
}

/**
 * Prepares the image of warm pods: the environment and the wrapper, without code. Functions of an organization with the same runtime, base image and
 * dependencies have the same one.
 */
export async function prepareWarmImage(
  docker: Docker,
  { runtime, base, environment, hasDependencies, code, folder }: WarmImageInput,
  options: ResolvedImageOptions,
): Promise<PreparedWarmImage> {
  const { signal } = options;
  const recipe = {
    base: environment.info,
    layers: [await packWarmLayer(runtime, folder, signal)],
    ...warmSettings(runtime, environment.info.Config, base, options),
  };
  const image = imageConfig(recipe);
  return {
    imageId: image.id,
    repository: warmRepository(runtime),
    hasDependencies,
    code,
    load: (name) => loadImage(docker, recipe, image, name, signal),
  };
}
