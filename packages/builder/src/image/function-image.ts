import { join } from "node:path";
import { isLanguage } from "@faas/core";
import type Docker from "dockerode";
import { packTo, sourceItems, type TarItem } from "../bundle/pack.ts";
import { prepareCode } from "../bundle/prepare.ts";
import { dependencyContext } from "../dependencies/context.ts";

import { settingsOf } from "../detection/detected-app.ts";
import { byName, type Source } from "../source/source.ts";
import { imageConfig, loadImage } from "./archive.ts";
import { DEFAULT_BASE_IMAGES, resolveBaseImage } from "./base-image.ts";
import { resolveEnvironment } from "./environment.ts";
import type { ResolvedImageOptions } from "./image-options.ts";
import { imageLabels } from "./labels.ts";
import type { PreparedImage } from "./prepared-image.ts";
import { programConfig, serverConfig } from "./server-config.ts";
import { sourceTime } from "./source-time.ts";

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
  const environment = isLanguage(code.runtime)
    ? await resolveEnvironment(docker, {
        runtime: code.runtime,
        base,
        dependencies: code.hasDependencies ? await dependencyContext(code.runtime, source.folder) : undefined,
        env,
        signal,
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
  return {
    imageId: image.id,
    ...settingsOf(code),
    description: code.description,
    ...(environment ? { environment: environment.name } : {}),
    warnings: code.warnings,
    load: (name) => loadImage(docker, recipe, image, name, signal),
  };
}

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
