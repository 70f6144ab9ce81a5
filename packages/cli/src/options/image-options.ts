import type { BuiltImage, ImageProgress, ImageStage } from "@faas/builder";
import {
  type EndpointRef,
  FaasError,
  type Registry,
  type Runtime,
  type ServerConfig,
  type SettingsInput,
} from "@faas/core";
import type { Command } from "commander";
import type { Io } from "../terminal/io.ts";
import { colors, humanSize, printStatus } from "../terminal/output.ts";
import type { Progress } from "../terminal/progress.ts";

/** What only servers that run images, and `faas build`, know. */
export interface ImageFlags {
  readonly registry?: string;
  readonly baseImage?: string;
}

export function addImageOptions(command: Command): void {
  command
    .option("--base-image <image>", "what the function's image begins with (node:24-slim, python:3.11-slim)")
    .option(
      "--registry <registry>",
      "where the image is pushed to, host[:port][/path] (default: what the server says)",
    );
}

/** The registry of `--registry`, else the server's own; a server's own keeps its second address. */
export function registryOf({ registry: push }: ImageFlags, config: ServerConfig | undefined): Registry {
  const own = config?.registry;
  if (push !== undefined) return own?.push === push ? own : { push, pull: push };
  if (own) return own;
  throw new FaasError(
    "USAGE",
    "The server names no registry for images: say which with --registry host[:port][/path]",
    {
      extensions: { hint: "whoever runs the server can name one for all: faas up --registry-push REGISTRY" },
    },
  );
}

export interface ImageBuild extends EndpointRef {
  readonly folder: string;
  readonly runtime?: Runtime;
  readonly handler?: string;
  readonly baseImage?: string;
  readonly registry?: Registry;
  readonly push: boolean;
  readonly tag?: string;
}

/** What a build takes of flags and `faas.json`: only what is given, and flags win. */
export function buildInputs(
  { runtime, handler }: SettingsInput,
  { baseImage: flag }: ImageFlags,
  fromFile: string | undefined,
): Pick<ImageBuild, "runtime" | "handler" | "baseImage"> {
  const baseImage = flag ?? fromFile;
  return {
    ...(runtime === undefined ? {} : { runtime }),
    ...(handler === undefined ? {} : { handler }),
    ...(baseImage === undefined ? {} : { baseImage }),
  };
}

/** Builds, and pushes, with the stages on the screen. */
export async function buildWithProgress(
  { folder, ...build }: ImageBuild,
  progress: Progress,
  io: Io,
): Promise<BuiltImage> {
  const { buildImage } = await import("@faas/builder");
  const image = await buildImage(folder, { ...build, ...reporting(progress, io) });
  if (!build.push) progress.detail("");
  else if (!image.pushed) progress.detail("the registry has it");
  progress.end();
  for (const warning of image.warnings) printStatus(io, `${colors(io.stderr, io).yellow("warning:")} ${warning}`);
  return image;
}

/** What a build needs of its surroundings, and its stages on the screen. */
export function reporting(progress: Progress, io: Io) {
  let stage: ImageStage | undefined;
  return {
    env: io.env,
    signal: io.signal,
    onStage: (next: ImageStage) => {
      // What an installer said last matters while it runs.
      if (stage === "install" || stage === "build") progress.detail("");
      stage = next;
      progress.begin(next);
    },
    onLine: (line: string) => {
      if (stage === "install" || stage === "build") progress.detail(line.trim().slice(0, 60));
    },
    onProgress: (pushed: ImageProgress) => progress.detail(describeProgress(pushed)),
  };
}

function describeProgress({ layers, layersDone, movedBytes, totalBytes }: ImageProgress): string {
  const size = totalBytes === 0 ? "" : `, ${humanSize(Math.min(movedBytes, totalBytes))} of ${humanSize(totalBytes)}`;
  return `${layersDone} of ${layers} layers${size}`;
}
