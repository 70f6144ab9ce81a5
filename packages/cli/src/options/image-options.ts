import { FaasError, type Registry, type ServerConfig, type SettingsInput } from "@faas/core";
import type { Command } from "commander";
import { optionWithLaterDefault } from "./value-parsers.ts";

/** Options for servers that run images and for `faas build`. */
export interface ImageOptions {
  readonly registry?: string;
  readonly baseImage?: string;
}

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
    );
}

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

/** Settings that a build needs. */
export type SourceSettings = Pick<SettingsInput, "runtime" | "app" | "signature" | "handler" | "command">;

/** Returns the settings that a build needs, without those that are not set. */
export function sourceSettings(settings: SettingsInput): SourceSettings {
  const { runtime, app, signature, handler, command } = settings;
  const given = Object.entries({ runtime, app, signature, handler, command }).filter(
    ([, value]) => value !== undefined,
  );
  return Object.fromEntries(given);
}

export interface ImageInputs extends SourceSettings {
  readonly baseImage?: string;
}

/** Merges what a build needs of options and `faas.json`; options win. */
export function imageInputs(
  settings: SettingsInput,
  { baseImage: fromOption }: ImageOptions,
  fromFile: string | undefined,
): ImageInputs {
  const baseImage = fromOption ?? fromFile;
  return {
    ...sourceSettings(settings),
    ...(baseImage === undefined ? {} : { baseImage }),
  };
}
