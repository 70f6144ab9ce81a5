import { join } from "node:path";
import { type Language, WRAPPER_FILES } from "@faas/core";
import type Docker from "dockerode";
import { packTo } from "../../bundle/pack.ts";
import { TEMPLATE_FOLDERS, wrapperText } from "../../bundle/prepare.ts";
import { imageConfig, loadImage } from "../archive.ts";
import type { BaseImage } from "../base-image.ts";
import type { ImageEnvironment } from "../environment.ts";
import type { ResolvedImageOptions } from "../image-options.ts";
import { warmImageLabels } from "../labels.ts";
import { UNIX_EPOCH } from "../source-time.ts";
import type { CodeBundle } from "./code-bundle.ts";

/** Folder of the wrapper in the image. Not /app, where the code of the function will be. */
const WRAPPER_FOLDER = "warm";

const PROGRAMS: Readonly<Record<(typeof TEMPLATE_FOLDERS)[Language], string>> = { node: "node", python: "python3" };

/** Image and code with which a function starts in a warm pod (docs/decisions/0038-warm-images-and-code-bundles.md). */
export interface PreparedWarmImage {
  readonly imageId: string;
  /** Repository below the organization's. No endpoint has it: their names have no underscores. */
  readonly repository: string;
  /** True if the image has dependencies in /app. */
  readonly hasDependencies: boolean;
  readonly code: CodeBundle;
  /** Loads the image into the engine under a name. */
  load(name: string): Promise<void>;
}

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
  const wrapper = `${WRAPPER_FOLDER}/${WRAPPER_FILES[runtime]}`;
  const file = join(folder, "warm.tar");
  const items = [{ name: WRAPPER_FOLDER }, { name: wrapper, text: await wrapperText(runtime) }];
  const diffId = await packTo(file, items, signal);
  const language = TEMPLATE_FOLDERS[runtime];
  const recipe = {
    base: environment.info,
    layers: [{ file, diffId, entries: items.length }],
    config: { ...environment.info.Config, Cmd: [PROGRAMS[language], `/${wrapper}`] },
    labels: warmImageLabels(options, base),
    // Every deployment builds the same image.
    created: UNIX_EPOCH,
  };
  const image = imageConfig(recipe);
  return {
    imageId: image.id,
    repository: `warm_${language}`,
    hasDependencies,
    code,
    load: (name) => loadImage(docker, recipe, image, name, signal),
  };
}
