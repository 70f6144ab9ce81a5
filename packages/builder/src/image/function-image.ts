import { stat } from "node:fs/promises";
import { join } from "node:path";
import { isLanguage } from "@faas/core";
import type Docker from "dockerode";
import { packTo, sourceItems, type TarItem } from "../bundle/pack.ts";
import { type PreparedCode, prepareCode } from "../bundle/prepare.ts";
import { type DependencyContext, dependencyContext } from "../dependencies/context.ts";
import { settingsOf } from "../detection/detected-app.ts";
import { byName, type Source } from "../source/source.ts";
import { imageConfig, loadImage } from "./archive.ts";
import { type BaseImage, DEFAULT_BASE_IMAGES, resolveBaseImage } from "./base-image.ts";
import { type ImageEnvironment, resolveEnvironment } from "./environment.ts";
import type { ResolvedImageOptions } from "./image-options.ts";
import { imageLabels } from "./labels.ts";
import type { PreparedImage } from "./prepared-image.ts";
import { programConfig, serverConfig } from "./server-config.ts";
import { sourceTime } from "./source-time.ts";
import { packCode } from "./warm/code-bundle.ts";
import { type PreparedWarmImage, prepareWarmImage } from "./warm/warm-image.ts";

/** Prepares a function's image: its language's environment, and one layer with the code and the wrapper. `folder` is for temporary files. */
export async function prepareFunctionImage(
  docker: Docker,
  source: Source,
  folder: string,
  options: ResolvedImageOptions,
): Promise<PreparedImage> {
  const { signal, env } = options;
  const runtime = options.runtime === "dockerfile" ? undefined : options.runtime;
  const code = await prepareCode(source, { ...options, runtime });
  const baseName = options.baseImage ?? DEFAULT_BASE_IMAGES[code.runtime];
  const base = await resolveBaseImage(docker, baseName, {
    env,
    signal,
    onPull: () => options.onStage?.("pull"),
    onProgress: options.onProgress,
  });
  const dependencies =
    isLanguage(code.runtime) && code.hasDependencies ? await dependencyContext(code.runtime, source.folder) : undefined;
  const environment = isLanguage(code.runtime)
    ? await resolveEnvironment(docker, {
        runtime: code.runtime,
        ...{ base, dependencies, env, signal },
        onInstall: () => options.onStage?.("install"),
        onLine: options.onLine,
      })
    : undefined;
  const info = environment?.info ?? base.info;
  const config = environment ? info.Config : programConfig(info.Config);
  options.onStage?.("build");
  const file = join(folder, "code.tar");
  const items = inFolder("app", sourceItems(code));
  const diffId = await packTo(file, items, signal);
  const recipe = {
    base: info,
    layers: [{ file, diffId, entries: items.length }],
    // The wrapper stays in the image, unused, so that functions and servers share environments.
    config: code.app === "server" ? serverConfig(config, code.command) : config,
    labels: imageLabels(options, { source: diffId, base }),
    created: sourceTime(env),
  };
  const image = imageConfig(recipe);
  const warm =
    environment && (await warmPart(docker, { code, base, environment, dependencies, codeTar: file, folder }, options));
  return {
    imageId: image.id,
    ...settingsOf(code),
    description: code.description,
    ...(environment ? { environment: environment.name } : {}),
    warnings: code.warnings,
    ...(warm ? { warm } : {}),
    load: (name) => loadImage(docker, recipe, image, name, signal),
  };
}

interface WarmPartInput {
  readonly code: PreparedCode;
  readonly base: BaseImage;
  readonly environment: ImageEnvironment;
  readonly dependencies: DependencyContext | undefined;
  /** File of the layer with the code. */
  readonly codeTar: string;
  readonly folder: string;
}

/** Prepares what warm pods need; returns undefined for servers of their own, for much code, and if nothing is to be uploaded. */
async function warmPart(
  docker: Docker,
  { code, base, environment, dependencies, codeTar, folder }: WarmPartInput,
  options: ResolvedImageOptions,
): Promise<PreparedWarmImage | undefined> {
  const { runtime } = code;
  if (options.uploadCode === undefined || code.app === "server" || !isLanguage(runtime)) return undefined;
  const { size } = await stat(codeTar);
  const bundle = await packCode(sourceItems(code), size, folder, options.signal);
  if (bundle === undefined) return undefined;
  const hasDependencies = dependencies !== undefined && layerCount(environment.info) > layerCount(base.info);
  return prepareWarmImage(docker, { runtime, base, environment, hasDependencies, code: bundle, folder }, options);
}

const layerCount = ({ RootFS }: BaseImage["info"]) => RootFS.Layers?.length ?? 0;

/** Moves items into a folder and adds all parent folders: the engine would create missing ones with the current time. */
function inFolder(name: string, items: readonly TarItem[]): TarItem[] {
  const folders = new Set([name]);
  const files = items.map((item) => ({ ...item, name: `${name}/${item.name}` }));
  for (const file of files) {
    for (let end = file.name.lastIndexOf("/"); end > 0; end = file.name.lastIndexOf("/", end - 1))
      folders.add(file.name.slice(0, end));
  }
  return [...Array.from(folders, (folder) => ({ name: folder })), ...files].sort(byName);
}
