import { join } from "node:path";
import type { Registry } from "@faas/core";
import { imageBuildEvents } from "../deploy/build-image.ts";
import type { Io } from "../terminal/io.ts";
import type { Progress } from "../terminal/progress.ts";
import { version } from "../version.ts";

/** Folder above `packages`: the repository, or the installed program. */
const PROGRAM_FOLDER = join(import.meta.dirname, "../../../..");

/** Builds the server's image and pushes it. Returns its reference, and the credentials that the nodes need to pull it. */
export async function pushServerImage(registry: Registry, progress: Progress, io: Io) {
  const { buildServerImage, pullConfigOf } = await import("@faas/builder");
  const { reference, pushed } = await buildServerImage({
    ...{ programFolder: PROGRAM_FOLDER, registry, push: true, tag: version },
    ...imageBuildEvents(progress, io),
  });
  if (!pushed) progress.detail("already in the registry");
  progress.end();
  const dockerConfigJson = await pullConfigOf(registry, io.env);
  return { image: reference, ...(dockerConfigJson === undefined ? {} : { dockerConfigJson }) };
}
