import { isLanguage, WRAPPER_FILES } from "@faas/core";
import { type PreparedCode, prepareCode } from "../../bundle/prepare.ts";
import { type DependencyContext, dependencyContext } from "../../dependencies/context.ts";
import { type DetectedSettings, settingsOf } from "../../detection/detected-app.ts";
import type { Source } from "../../source/source.ts";
import { baseImageName, mirroredName } from "../base-image.ts";
import { functionSettings, packCodeLayer, packWarmCode, type WarmCode } from "../code-layer.ts";
import { type BaseFacts, imageConfig } from "../config.ts";
import type { ResolvedImageOptions } from "../image-options.ts";
import type { Layer } from "../layer.ts";
import { programConfig } from "../server-config.ts";
import { type PreparedWarmPart, packWarmLayer, warmRepository, warmSettings } from "../warm/warm-image.ts";
import { type RegistryBase, resolveRegistryBase } from "./base.ts";
import { type PushableLayer, pushableLayer } from "./compress.ts";
import { ContentCache, TagCache } from "./content-cache.ts";
import { type DependencyLayer, resolveDependencyLayer } from "./dependency-layer.ts";
import { idOf, type PlatformImage } from "./image-manifest.ts";
import { environmentConfig } from "./image-settings.ts";
import { orNeedsDocker } from "./needs-docker.ts";
import { parsePlatforms, platformName } from "./platforms.ts";
import type { Sessions } from "./sessions.ts";

/** Images that a registry can be given under one name: one per platform. */
export interface ImageSet {
  readonly imageId: string;
  readonly images: readonly PlatformImage[];
}

/** Image of a function, as far as it is known before the registry is involved. */
export interface PreparedSet extends ImageSet, DetectedSettings {
  readonly description: string;
  readonly platforms: readonly string[];
  readonly warnings: readonly string[];
  readonly warm?: ImageSet & PreparedWarmPart;
}

/** Base image for a platform with the dependencies on it. */
interface Environment {
  readonly base: RegistryBase;
  readonly layer: DependencyLayer | undefined;
  readonly config: BaseFacts["Config"];
}

/** Folder for temporary files, for finished layers, and the registries. */
export interface PrepareContext {
  readonly folder: string;
  readonly cacheDir: string;
  readonly sessions: Sessions;
}

/**
 * Prepares a function's image without a container engine: base image from its registry, one layer with dependencies for each platform, and one with the
 * code and the wrapper.
 */
export async function prepareImageSet(
  source: Source,
  context: PrepareContext,
  options: ResolvedImageOptions,
): Promise<PreparedSet> {
  const runtime = options.runtime === "dockerfile" ? undefined : options.runtime;
  const code = await prepareCode(source, { ...options, runtime });
  const name = baseImageName(code.runtime, options);
  const platforms = parsePlatforms(options.platforms ?? []);
  const [bases, dependencies] = await Promise.all([
    orNeedsDocker(() =>
      resolveRegistryBase({
        ...{ name, platforms, reference: mirroredName(name, options.baseRegistry) },
        ...{ cache: new ContentCache(context.cacheDir), tags: new TagCache(context.cacheDir) },
        session: (host) => context.sessions.open(host),
      }),
    ),
    isLanguage(code.runtime) && code.hasDependencies ? dependencyContext(code.runtime, source.folder) : undefined,
  ]);
  const environments: Environment[] = [];
  // Not at once: an installation uses all of the machine.
  for (const base of bases) environments.push(await resolveEnvironment(code, base, dependencies, context, options));
  options.onStage?.("build");
  const layer = await packCodeLayer(code, context.folder, options.signal);
  const images = functionImages(code, layer, environments, options);
  const warmCode = isLanguage(code.runtime) ? await packWarmCode(code, layer, context.folder, options) : undefined;
  const warm =
    warmCode && (await warmImages(warmCode, environments, { ...context, hasDependencies: !!dependencies }, options));
  return {
    ...{ imageId: idOf(images), images },
    ...settingsOf(code),
    description: code.description,
    platforms: platforms.map(platformName),
    warnings: code.warnings,
    ...(warm ? { warm } : {}),
  };
}

async function resolveEnvironment(
  { runtime }: PreparedCode,
  base: RegistryBase,
  dependencies: DependencyContext | undefined,
  { cacheDir }: PrepareContext,
  { env, signal, onStage, onLine }: ResolvedImageOptions,
): Promise<Environment> {
  if (!isLanguage(runtime)) return { base, layer: undefined, config: programConfig(base.info.Config) };
  const [layer, config] = await Promise.all([
    resolveDependencyLayer({
      ...{ runtime, base, dependencies, cacheDir, env, signal, onLine },
      onInstall: () => onStage?.("install"),
    }),
    environmentConfig(runtime, base.info.Config),
  ]);
  // Without a compiled wrapper, the image starts from its source, which is among the code.
  if (runtime === "python" && !layer?.compilesWrapper)
    config.Cmd = config.Cmd?.map((word) => (word === `${WRAPPER_FILES.python}c` ? WRAPPER_FILES.python : word)) ?? [];
  return { base, layer, config };
}

function functionImages(
  code: PreparedCode,
  layer: Layer,
  environments: readonly Environment[],
  options: ResolvedImageOptions,
): PlatformImage[] {
  const own = pushableLayer(layer, options.signal);
  return environments.map(({ base, layer: dependencies, config }) => {
    const layers = dependencies ? [finished(dependencies), own] : [own];
    return platformImage(base, layers, functionSettings(code, layer, config, base, options));
  });
}

/** Makes the images of warm pods: the environment and the wrapper, without code. */
async function warmImages(
  { runtime, bundle }: WarmCode,
  environments: readonly Environment[],
  { folder, hasDependencies }: PrepareContext & { readonly hasDependencies: boolean },
  options: ResolvedImageOptions,
): Promise<ImageSet & PreparedWarmPart> {
  const layer = pushableLayer(await packWarmLayer(runtime, folder, options.signal), options.signal);
  const images = environments.map((environment) => {
    const { base, config } = environment;
    const layers = environment.layer ? [finished(environment.layer), layer] : [layer];
    return platformImage(base, layers, warmSettings(runtime, config, base, options));
  });
  return {
    ...{ imageId: idOf(images), images, code: bundle },
    repository: warmRepository(runtime),
    hasDependencies: hasDependencies && environments.some((each) => each.layer !== undefined),
  };
}

const finished = (layer: DependencyLayer): PushableLayer => ({
  diffId: layer.diffId,
  compressed: async () => layer,
});

function platformImage(
  base: RegistryBase,
  layers: readonly PushableLayer[],
  settings: Pick<Parameters<typeof imageConfig>[0], "config" | "labels" | "created">,
): PlatformImage {
  return { platform: base.platform, base, layers, config: imageConfig({ base: base.info, layers, ...settings }) };
}
