import { randomBytes } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { FaasError } from "@faas/core";
import type Docker from "dockerode";
import { extract, type Pack, pack } from "tar-stream";
import { engineMessage } from "../../docker/engine-errors.ts";
import { events } from "../../docker/events.ts";
import type { ImageConfig, ImageRecipe } from "../config.ts";

/**
 * Loads an image into the engine under the name `tag`. Layers that the engine has are only named, so that just kilobytes are sent. An engine
 * that keeps images in containerd's store does not find layers by name; it gets its own layers back in full.
 *
 * @throws BUILD_FAILED
 */
export async function loadImage(
  docker: Docker,
  recipe: ImageRecipe,
  config: ImageConfig,
  tag: string,
  signal?: AbortSignal,
): Promise<void> {
  try {
    const existing = (recipe.base.RootFS.Layers ?? []).map((_, index) => `known-${index}.tar`);
    await sendArchive(docker, signal, (archive) => addImage(archive, recipe, config, tag, existing));
  } catch (error) {
    signal?.throwIfAborted();
    try {
      await loadWhole(docker, recipe, config, tag, signal);
    } catch (cause) {
      signal?.throwIfAborted();
      const detail = `The Docker engine cannot load the image ${tag}: ${engineMessage(cause)} (first attempt: ${engineMessage(error)})`;
      throw new FaasError("BUILD_FAILED", detail, { cause });
    }
  }
}

/** Loads an image with all of its layers; those of the base are exported from the engine first. */
export async function loadWhole(
  docker: Docker,
  recipe: ImageRecipe,
  config: ImageConfig,
  tag: string,
  signal?: AbortSignal,
): Promise<void> {
  const file = join(tmpdir(), `faas-base-${randomBytes(6).toString("hex")}.tar`);
  try {
    const saved = (await docker.getImage(recipe.base.Id).get()) as Readable;
    await pipeline(saved, createWriteStream(file), signal ? { signal } : {});
    const [manifest] = (await readManifest(file)) as { Layers: string[] }[];
    const layers = manifest?.Layers ?? [];
    await sendArchive(docker, signal, async (archive) => {
      await copyEntries(
        file,
        archive,
        (name) => name !== "manifest.json" && name !== "repositories" && name !== "index.json" && name !== "oci-layout",
      );
      await addImage(archive, recipe, config, tag, layers);
    });
  } finally {
    await rm(file, { force: true });
  }
}

async function sendArchive(
  docker: Docker,
  signal: AbortSignal | undefined,
  fill: (archive: Pack) => Promise<void>,
): Promise<void> {
  const archive = pack();
  const filled = fill(archive).then(() => archive.finalize());
  filled.catch((error) => archive.destroy(error));
  try {
    const body = archive as unknown as NodeJS.ReadableStream;
    const response = (await docker.loadImage(body, { quiet: true, abortSignal: signal })) as NodeJS.ReadableStream;
    for await (const { error } of events(response, signal)) if (error !== undefined) throw new Error(error);
    await filled;
  } finally {
    archive.destroy();
  }
}

/** Adds configuration, layers and manifest, as `docker save` does (Docker image specification, "Combined Image JSON + Filesystem Changeset Format"). */
async function addImage(
  archive: Pack,
  { layers }: ImageRecipe,
  config: ImageConfig,
  tag: string,
  below: readonly string[],
): Promise<void> {
  const name = `${config.id.slice("sha256:".length)}.json`;
  const added = layers.map((_, index) => `added-${index}.tar`);
  archive.entry({ name }, config.text);
  for (const [index, { file }] of layers.entries()) {
    const { size } = await stat(file);
    await new Promise<void>((resolve, reject) => {
      const done = (error?: Error | null) => (error ? reject(error) : resolve());
      createReadStream(file)
        .once("error", reject)
        .pipe(archive.entry({ name: added[index] as string, size }, done));
    });
  }
  archive.entry(
    { name: "manifest.json" },
    JSON.stringify([{ Config: name, RepoTags: [tag], Layers: [...below, ...added] }]),
  );
}

async function readManifest(file: string): Promise<unknown> {
  const tar = createReadStream(file).pipe(extract());
  for await (const entry of tar) {
    if (entry.header.name !== "manifest.json") {
      entry.resume();
      continue;
    }
    const pieces: Buffer[] = [];
    for await (const piece of entry) pieces.push(piece as Buffer);
    return JSON.parse(Buffer.concat(pieces).toString());
  }
  return [];
}

async function copyEntries(file: string, archive: Pack, isCopied: (name: string) => boolean): Promise<void> {
  const tar = createReadStream(file).pipe(extract());
  for await (const entry of tar) {
    if (isCopied(entry.header.name)) await pipeline(entry, archive.entry({ ...entry.header }));
    else entry.resume();
  }
}
