import { join } from "node:path";
import type { Language } from "@faas/core";
import type Docker from "dockerode";
import { type Item, packTo, sourceItems } from "../bundle/pack.ts";
import { prepareCode } from "../bundle/prepare.ts";
import { dependencyContext } from "../dependencies/context.ts";
import type { Environment } from "../docker/config.ts";
import { byName, type Source } from "../source/source.ts";
import { imageConfig, loadImage } from "./archive.ts";
import { DEFAULT_BASE_IMAGES, resolveBaseImage } from "./base-image.ts";
import { imageEnvironment } from "./environment.ts";
import type { Buildable, ImageOptions } from "./image.ts";
import { imageLabels, sourceTime } from "./labels.ts";

/** A function's image: its language's environment, and one layer with the code and the wrapper. `folder` is for temporary files. */
export async function functionImage(
  docker: Docker,
  source: Source,
  folder: string,
  options: ImageOptions & { readonly env: Environment },
): Promise<Buildable> {
  const { signal, env } = options;
  const runtime = options.runtime as Language | undefined;
  const code = await prepareCode(source, {
    runtime,
    ...(options.handler === undefined ? {} : { handler: options.handler }),
    ...(signal === undefined ? {} : { signal }),
  });
  const warnings = [...code.warnings];
  const dependencies = await dependencyContext(code.runtime, source.folder, (warning) => warnings.push(warning));
  const baseName = options.baseImage ?? DEFAULT_BASE_IMAGES[code.runtime];
  const base = await resolveBaseImage(docker, baseName, {
    env,
    signal,
    onPull: () => options.onStage?.("pull"),
    onProgress: options.onProgress,
  });
  const { name: environment, info } = await imageEnvironment(docker, {
    runtime: code.runtime,
    base,
    dependencies,
    env,
    signal,
    onInstall: () => options.onStage?.("install"),
    onLine: options.onLine,
  });
  options.onStage?.("build");
  const file = join(folder, "code.tar");
  const items = inFolder("app", sourceItems(code));
  const diffId = await packTo(file, items, signal);
  const recipe = {
    base: info,
    layers: [{ file, diffId, entries: items.length }],
    config: info.Config,
    labels: imageLabels(options, { source: diffId, base }),
    created: sourceTime(env),
  };
  const config = imageConfig(recipe);
  return {
    imageId: config.id,
    runtime: code.runtime,
    ...(code.handler === undefined ? {} : { handler: code.handler }),
    environment,
    warnings,
    load: (name) => loadImage(docker, recipe, config, name, signal),
  };
}

/** The items below a folder, and all folders on the way: else the engine makes them, with the present time. */
function inFolder(name: string, items: readonly Item[]): Item[] {
  const folders = new Set([name]);
  const files = items.map((item) => ({ ...item, name: `${name}/${item.name}` }));
  for (const file of files) {
    for (let end = file.name.lastIndexOf("/"); end > 0; end = file.name.lastIndexOf("/", end - 1))
      folders.add(file.name.slice(0, end));
  }
  return [...Array.from(folders, (folder) => ({ name: folder })), ...files].sort(byName);
}
