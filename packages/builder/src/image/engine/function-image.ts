import { isLanguage } from "@faas/core";
import type Docker from "dockerode";
import { prepareCode } from "../../bundle/prepare.ts";
import { dependencyContext } from "../../dependencies/context.ts";
import { settingsOf } from "../../detection/detected-app.ts";
import type { Source } from "../../source/source.ts";
import { type BaseImage, baseImageName, resolveBaseImage } from "../base-image.ts";
import { functionSettings, packCodeLayer, packWarmCode, type WarmCode } from "../code-layer.ts";
import { imageConfig } from "../config.ts";
import type { ResolvedImageOptions } from "../image-options.ts";
import type { PreparedImage } from "../prepared-image.ts";
import { programConfig } from "../server-config.ts";
import { type PreparedWarmImage, prepareWarmImage } from "../warm/warm-image.ts";
import { loadImage } from "./archive.ts";
import { type ImageEnvironment, resolveEnvironment } from "./environment.ts";

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
  const base = await resolveBaseImage(docker, baseImageName(code.runtime, options), {
    ...{ env, signal, baseRegistry: options.baseRegistry },
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
  const layer = await packCodeLayer(code, folder, signal);
  const recipe = { base: info, layers: [layer], ...functionSettings(code, layer, config, base, options) };
  const image = imageConfig(recipe);
  const warmCode = environment && (await packWarmCode(code, layer, folder, options));
  const hasDependencies = dependencies !== undefined;
  const warm =
    environment &&
    warmCode &&
    (await warmImage(docker, { ...{ base, environment, hasDependencies, folder }, ...warmCode }, options));
  return {
    imageId: image.id,
    ...settingsOf(code),
    description: code.description,
    ...(environment ? { environment: environment.name } : {}),
    platforms: [`${info.Os}/${info.Architecture}`],
    warnings: code.warnings,
    ...(warm ? { warm } : {}),
    load: (name) => loadImage(docker, recipe, image, name, signal),
  };
}

interface WarmImageParts extends WarmCode {
  readonly base: BaseImage;
  readonly environment: ImageEnvironment;
  readonly hasDependencies: boolean;
  readonly folder: string;
}

function warmImage(docker: Docker, parts: WarmImageParts, options: ResolvedImageOptions): Promise<PreparedWarmImage> {
  const { runtime, base, environment, bundle, folder } = parts;
  const hasDependencies = parts.hasDependencies && layerCount(environment.info) > layerCount(base.info);
  return prepareWarmImage(docker, { runtime, base, environment, hasDependencies, code: bundle, folder }, options);
}

const layerCount = ({ RootFS }: BaseImage["info"]) => RootFS.Layers?.length ?? 0;
