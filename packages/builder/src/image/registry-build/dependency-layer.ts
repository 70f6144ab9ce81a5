import { access, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Language } from "@faas/core";
import { wrapperText } from "../../bundle/prepare.ts";
import { cacheKey } from "../../dependencies/cache.ts";
import type { DependencyContext } from "../../dependencies/context.ts";
import { FindOrCreate } from "../../dependencies/find-or-create.ts";
import { installForTarget } from "../../dependencies/target/install.ts";
import { compileWrapper } from "../../dependencies/target/python/compile.ts";
import type { Environment } from "../../docker/config.ts";
import { folderTar } from "../folder-tar.ts";
import type { RegistryBase } from "./base.ts";
import { type CompressedLayer, compressLayer } from "./compress.ts";
import { platformName } from "./platforms.ts";

export interface DependencyLayerOptions {
  readonly runtime: Language;
  readonly base: RegistryBase;
  readonly dependencies: DependencyContext | undefined;
  readonly cacheDir: string;
  readonly env: Environment;
  readonly signal: AbortSignal | undefined;
  /** Called when the dependencies have to be installed. */
  readonly onInstall?: (() => void) | undefined;
  readonly onLine?: ((line: string) => void) | undefined;
}

/** Layer below the code: what the environment of a Docker build adds to the base image. */
export interface DependencyLayer extends CompressedLayer {
  readonly entries: number;
  /** True if it has the compiled wrapper. */
  readonly compilesWrapper: boolean;
}

/** Part of the key of a layer: layers of another version of this code may have another content. */
const VERSION = "2";

/** Layers that this process makes, by their folders. */
const layers = new FindOrCreate<DependencyLayer | undefined>();

/**
 * Finds or makes the layer with the dependencies of a function for a platform; undefined when there are none. Each is made once per manifests,
 * platform and version of the runtime, and stays on this machine.
 *
 * @throws INSTALL_FAILED, NO_PREBUILT_PACKAGE
 */
export async function resolveDependencyLayer(options: DependencyLayerOptions): Promise<DependencyLayer | undefined> {
  const { runtime, base, dependencies, cacheDir } = options;
  if (dependencies === undefined && runtime !== "python") return undefined;
  const version = runtimeVersion(runtime, base);
  const wrapper = runtime === "python" ? await wrapperText(runtime) : "";
  const parts = [VERSION, runtime, platformName(base.platform), base.libc, version, wrapper];
  const target = join(cacheDir, "layers", cacheKey([...parts, ...(dependencies?.keyParts ?? [])]));
  const found = await layers.run(
    target,
    () => readLayer(target),
    () => createLayer(target, version, options),
    options.signal,
  );
  return found?.entries === 0 ? undefined : found;
}

/**
 * Finds the version of the runtime in a base image: the variable of the official images, else the version in the image's name, else the newest that the
 * default base image has.
 */
export function runtimeVersion(runtime: Language, { name, info }: Pick<RegistryBase, "name" | "info">): string {
  const variable = runtime === "python" ? "PYTHON_VERSION=" : "NODE_VERSION=";
  const set = info.Config.Env?.find((each) => each.startsWith(variable))?.slice(variable.length);
  const tagged = /:v?(\d+(?:\.\d+)*)(?:-[^/]*)?(?:@.*)?$/.exec(name)?.[1];
  return set ?? tagged ?? (runtime === "python" ? "3.11" : "24");
}

async function readLayer(folder: string): Promise<DependencyLayer | undefined> {
  const file = join(folder, LAYER_FILE);
  try {
    const facts = JSON.parse(await readFile(join(folder, FACTS_FILE), "utf8")) as Omit<DependencyLayer, "file">;
    await access(file);
    return { ...facts, file };
  } catch {
    return undefined;
  }
}

const LAYER_FILE = "layer.tar.gz";
const FACTS_FILE = "layer.json";

async function createLayer(
  target: string,
  version: string,
  options: DependencyLayerOptions,
): Promise<DependencyLayer | undefined> {
  options.onInstall?.();
  await mkdir(join(target, ".."), { recursive: true });
  const temporary = await mkdtemp(`${target}-`);
  try {
    const app = join(temporary, "app");
    await mkdir(app);
    const compilesWrapper = await fillApp(app, version, options);
    const { tar, entries } = folderTar(app, "app");
    const layer = await compressLayer(tar, join(temporary, LAYER_FILE), options.signal);
    await rm(app, { recursive: true });
    const { file: _, ...facts } = { ...layer, entries: entries(), compilesWrapper };
    await writeFile(join(temporary, FACTS_FILE), JSON.stringify(facts));
    // Another build may have made the same layer first.
    await rename(temporary, target).catch(() => {});
    return await readLayer(target);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Fills a folder with what the image has in /app below the code. Returns true if that includes the compiled wrapper. */
async function fillApp(
  app: string,
  version: string,
  { runtime, base, dependencies, env, signal, onLine }: DependencyLayerOptions,
): Promise<boolean> {
  const { os, arch } = base.platform;
  const target = { platform: { os, arch, libc: base.libc }, runtimeVersion: version };
  if (dependencies) await installForTarget(runtime, dependencies, target, app, { env, signal, onLine });
  return runtime === "python" && compileWrapper(await wrapperText(runtime), app, target, { env, signal });
}
