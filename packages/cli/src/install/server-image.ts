import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Registry } from "@faas/core";
import { imageBuildEvents } from "../deploy/build-image.ts";
import type { Io } from "../terminal/io.ts";
import type { Progress } from "../terminal/progress.ts";
import { version } from "../version.ts";

/** Builds the server's image and pushes it. Returns its reference, and the credentials that the nodes need to pull it. */
export async function pushServerImage(registry: Registry, progress: Progress, io: Io) {
  const { buildServerImage, pullConfigOf } = await import("@faas/builder");
  const { href } = new URL(`../main${extname(import.meta.url)}`, import.meta.url);
  const { reference, pushed } = await buildServerImage({
    ...{ entry: fileURLToPath(href), version, registry, push: true, tag: version },
    ...imageBuildEvents(progress, io),
  });
  if (!pushed) progress.detail("already in the registry");
  progress.end();
  const dockerConfigJson = await pullConfigOf(registry, io.env);
  return { image: reference, ...(dockerConfigJson === undefined ? {} : { dockerConfigJson }) };
}
