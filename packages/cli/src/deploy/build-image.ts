import type { ImageOptions as BuildOptions, BuiltImage, ImageProgress, ImageStage } from "@faas/builder";
import type { EndpointRef, Registry } from "@faas/core";
import type { ImageSettings } from "../options/image-options.ts";
import type { Io } from "../terminal/io.ts";
import { humanSize, printWarning } from "../terminal/output.ts";
import type { StageProgress } from "../terminal/progress.ts";

interface ImageBuild
  extends EndpointRef,
    ImageSettings,
    Pick<BuildOptions, "uploadCode" | "builder" | "platforms" | "baseRegistry"> {
  readonly folder: string;
  readonly registry?: Registry;
  readonly push: boolean;
  readonly tag?: string;
}

/** Builds an image, and pushes it with `push`, showing the stages. */
export async function buildImageWithProgress(
  { folder, ...build }: ImageBuild,
  progress: StageProgress,
  io: Io,
): Promise<BuiltImage> {
  const { buildImage } = await import("@faas/builder");
  const image = await buildImage(folder, { ...build, ...imageBuildEvents(progress, io) });
  if (!build.push) progress.detail("");
  else if (!image.pushed) progress.detail("already in the registry");
  progress.end();
  for (const warning of image.warnings) printWarning(io, warning);
  return image;
}

/** Returns the part of the build's options that connects it to this process: environment, signal, and events that show the stages. */
export function imageBuildEvents(progress: StageProgress, io: Io) {
  let stage: ImageStage | undefined;
  return {
    env: io.env,
    signal: io.signal,
    onDetected: (description: string) => progress.detail(description),
    onStage: (next: ImageStage) => {
      // The installer's last line matters only while it runs.
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
