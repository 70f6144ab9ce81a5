import { stat } from "node:fs/promises";
import { join } from "node:path";
import { isLanguage, type Language } from "@faas/core";
import { packTo, sourceItems, type TarItem } from "../bundle/pack.ts";
import type { PreparedCode } from "../bundle/prepare.ts";
import { byName } from "../source/source.ts";
import type { BaseImage } from "./base-image.ts";
import type { BaseFacts } from "./config.ts";
import type { ResolvedImageOptions } from "./image-options.ts";
import { imageLabels } from "./labels.ts";
import type { Layer } from "./layer.ts";
import { serverConfig } from "./server-config.ts";
import { sourceTime } from "./source-time.ts";
import { type CodeBundle, packCode } from "./warm/code-bundle.ts";

/** Packs the layer with the code and the wrapper into a folder for temporary files. */
export async function packCodeLayer(
  code: PreparedCode,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<Layer> {
  const file = join(folder, "code.tar");
  const items = inFolder("app", sourceItems(code));
  return { file, diffId: await packTo(file, items, signal), entries: items.length };
}

/** Returns what a function's image has besides its layers, above the configuration of its environment. */
export const functionSettings = (
  code: PreparedCode,
  layer: Layer,
  config: BaseFacts["Config"],
  base: BaseImage,
  options: ResolvedImageOptions,
) => ({
  // The wrapper stays in the image, unused, so that functions and servers share environments.
  config: code.app === "server" ? serverConfig(config, code.command) : config,
  labels: imageLabels(options, { source: layer.diffId, base }),
  created: sourceTime(options.env),
});

/** Code for warm pods, and the language that their wrapper has. */
export interface WarmCode {
  readonly runtime: Language;
  readonly bundle: CodeBundle;
}

/** Packs the code for warm pods; returns undefined for servers of their own, for much code, and if nothing is to be uploaded. */
export async function packWarmCode(
  code: PreparedCode,
  layer: Layer,
  folder: string,
  options: ResolvedImageOptions,
): Promise<WarmCode | undefined> {
  const { runtime } = code;
  if (options.uploadCode === undefined || code.app === "server" || !isLanguage(runtime)) return undefined;
  const { size } = await stat(layer.file);
  const bundle = await packCode(sourceItems(code), size, folder, options.signal);
  return bundle && { runtime, bundle };
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
