import { createHash, randomBytes } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { FaasError } from "@faas/core";
import type Docker from "dockerode";
import type { ImageInspectInfo } from "dockerode";
import { extract, type Pack, pack } from "tar-stream";
import { engineWords } from "../docker/engine-errors.ts";
import { events } from "../docker/events.ts";
import type { Layer } from "./layer.ts";

/** An image that is made of one that the engine has, and of layers on top. */
export interface ImageRecipe {
  readonly base: ImageInspectInfo;
  readonly layers: readonly Layer[];
  /** How it runs; taken from another image when that was built for it. */
  readonly config: ImageInspectInfo["Config"];
  readonly labels: Readonly<Record<string, string>>;
  /** RFC 3339; of the source, not of this moment. */
  readonly created: string;
}

/** What is written in the image, and with it its id: the SHA-256 of the text. */
export interface ImageConfig {
  readonly id: string;
  readonly text: string;
}

/** The configuration of an image (OCI image specification, "config"): the same recipe gives the same id. */
export function imageConfig({ base, layers, config, labels, created }: ImageRecipe): ImageConfig {
  const { Env, Cmd, Entrypoint, WorkingDir, User, ExposedPorts, Labels, StopSignal } = config as typeof config & {
    StopSignal?: string;
  };
  const content = {
    architecture: base.Architecture,
    ...(base.Variant ? { variant: base.Variant } : {}),
    os: base.Os,
    created,
    config: {
      ...(User ? { User } : {}),
      ...(ExposedPorts ? { ExposedPorts: sorted(ExposedPorts) } : {}),
      Env,
      ...(Entrypoint ? { Entrypoint } : {}),
      ...(Cmd ? { Cmd } : {}),
      ...(WorkingDir ? { WorkingDir } : {}),
      ...(StopSignal ? { StopSignal } : {}),
      Labels: sorted({ ...Labels, ...labels }),
    },
    rootfs: { type: "layers", diff_ids: [...(base.RootFS.Layers ?? []), ...layers.map(({ diffId }) => diffId)] },
  };
  const text = JSON.stringify(content);
  return { text, id: `sha256:${createHash("sha256").update(text).digest("hex")}` };
}

const sorted = <T>(record: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));

/**
 * Makes the engine take the image, under the name `tag`. Layers that it has are only named, so that kilobytes are sent. An engine that
 * keeps images in containerd's store does not find them so; it is then sent its own layers again.
 */
export async function loadImage(
  docker: Docker,
  recipe: ImageRecipe,
  config: ImageConfig,
  tag: string,
  signal?: AbortSignal,
): Promise<void> {
  try {
    const known = (recipe.base.RootFS.Layers ?? []).map((_, index) => `known-${index}.tar`);
    await send(docker, signal, (archive) => addAll(archive, recipe, config, tag, known));
  } catch (error) {
    signal?.throwIfAborted();
    try {
      await loadWhole(docker, recipe, config, tag, signal);
    } catch (cause) {
      signal?.throwIfAborted();
      const detail = `The Docker engine does not take the image ${tag}: ${engineWords(cause)} (first: ${engineWords(error)})`;
      throw new FaasError("BUILD_FAILED", detail, { cause });
    }
  }
}

/** Sends all layers, those of the base as the engine itself saves them. */
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
    await send(docker, signal, async (archive) => {
      await copyEntries(
        file,
        archive,
        (name) => name !== "manifest.json" && name !== "repositories" && name !== "index.json" && name !== "oci-layout",
      );
      await addAll(archive, recipe, config, tag, layers);
    });
  } finally {
    await rm(file, { force: true });
  }
}

async function send(
  docker: Docker,
  signal: AbortSignal | undefined,
  fill: (archive: Pack) => Promise<void>,
): Promise<void> {
  const archive = pack();
  const filled = fill(archive).then(() => archive.finalize());
  filled.catch((error) => archive.destroy(error));
  try {
    const body = archive as unknown as NodeJS.ReadableStream;
    const answer = (await docker.loadImage(body, { quiet: true, abortSignal: signal })) as NodeJS.ReadableStream;
    for await (const { error } of events(answer, signal)) if (error !== undefined) throw new Error(error);
    await filled;
  } finally {
    archive.destroy();
  }
}

/** What makes it an image: the format of `docker save` (the Docker image specification, "Combined Image JSON + Filesystem Changeset Format"). */
async function addAll(
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

async function copyEntries(file: string, archive: Pack, wanted: (name: string) => boolean): Promise<void> {
  const tar = createReadStream(file).pipe(extract());
  for await (const entry of tar) {
    if (wanted(entry.header.name)) await pipeline(entry, archive.entry({ ...entry.header }));
    else entry.resume();
  }
}
