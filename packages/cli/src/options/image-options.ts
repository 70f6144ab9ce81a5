import type { ImageBuilder } from "@faas/builder";
import { FaasError, type Registry, type ServerConfig, type SettingsInput } from "@faas/core";
import { type Command, InvalidArgumentError, Option } from "commander";
import { optionWithLaterDefault } from "./value-parsers.ts";

/** Options for servers that run images and for `faas build`. */
export interface ImageOptions {
  readonly registry?: string;
  readonly builder?: ImageBuilder;
  readonly platform?: readonly string[];
}

/** Programs that build images, as in `@faas/builder`, which most commands do not load. */
const BUILDERS = ["auto", "registry", "docker"] as const satisfies readonly ImageBuilder[];

/** Adds the options of an image build. */
export function addImageOptions(command: Command): void {
  command
    .addOption(
      optionWithLaterDefault(
        "--base-image <image>",
        "Base image of the function's image",
        "node:24-slim or python:3.11-slim",
      ),
    )
    .addOption(
      optionWithLaterDefault(
        "--registry <registry>",
        "Registry to push the image to, host[:port][/path]",
        "the server's",
      ),
    )
    .addOption(
      optionWithLaterDefault(
        "--platform <platforms>",
        "Platforms of the image, such as linux/amd64,linux/arm64",
        "those of the cluster's nodes",
      ).argParser(platforms),
    )
    .addOption(
      new Option("--builder <builder>", "Build without a container engine (registry), with Docker, or as needed")
        .choices(BUILDERS)
        .default("auto"),
    );
}

/** Creates the option for the registry of base images. */
export const baseRegistryOption = (prefix = ""): Option =>
  optionWithLaterDefault(
    "--base-registry <registry>",
    `${prefix}Registry with the base images node, python and debian (or FAAS_BASE_REGISTRY)`,
    "Docker Hub",
  );

/**
 * Returns the registry of `--registry`, or the server's. When both name the same registry, its second address is kept.
 *
 * @throws USAGE when neither has one
 */
export function registryOf({ registry: push }: ImageOptions, config: ServerConfig | undefined): Registry {
  const own = config?.registry;
  if (push !== undefined) return own?.push === push ? own : { push, pull: push };
  if (own) return own;
  throw new FaasError("USAGE", "The server has no registry for images. Pass --registry host[:port][/path]", {
    extensions: { hint: "an administrator can set one for everyone: faas up --registry-push REGISTRY" },
  });
}

/** Returns how to build an image for a server: with which program, from which base images, and for which platforms. */
export const imageBuildOptions = (
  { builder, platform }: ImageOptions,
  config: ServerConfig | undefined,
  env: Readonly<Record<string, string | undefined>>,
) =>
  defined({
    builder,
    platforms: platform ?? buildable(config?.platforms),
    baseRegistry: env.FAAS_BASE_REGISTRY || config?.baseRegistry,
  });

/** Returns those of the nodes' platforms that images can be built for. */
const buildable = (platforms: readonly string[] | undefined) => {
  const known = platforms?.filter((each) => PLATFORM.test(each)) ?? [];
  return known.length === 0 ? undefined : known;
};

const PLATFORM = /^linux\/(amd64|arm64)$/;

function platforms(text: string): string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.every((name) => PLATFORM.test(name))) return names;
  throw new InvalidArgumentError(`linux/amd64, linux/arm64, or both separated by a comma, got "${text}"`);
}

/** Settings that a build of a bundle needs. */
export type SourceSettings = Pick<SettingsInput, "runtime" | "app" | "signature" | "handler" | "command" | "fallback">;

/** Settings that a build of an image needs. */
export type ImageSettings = SourceSettings & Pick<SettingsInput, "baseImage">;

/** Returns the settings that a build of a bundle needs, without those that are not set. */
export function sourceSettings(settings: SettingsInput): SourceSettings {
  const { runtime, app, signature, handler, command, fallback } = settings;
  return defined({ runtime, app, signature, handler, command, fallback });
}

/** Returns the settings that a build of an image needs, without those that are not set. */
export const imageSettings = (settings: SettingsInput): ImageSettings => ({
  ...sourceSettings(settings),
  ...defined({ baseImage: settings.baseImage }),
});

const defined = <Fields extends object>(fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Fields;
