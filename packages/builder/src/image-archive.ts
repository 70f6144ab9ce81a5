import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { FaasError } from "@faas/core";
import type Docker from "dockerode";
import type { ImageInspectInfo } from "dockerode";
import { pack } from "tar-stream";
import { events } from "./docker-events.ts";
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
  const all = sorted({ ...Labels, ...labels });
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
      Labels: all,
    },
    rootfs: { type: "layers", diff_ids: [...(base.RootFS.Layers ?? []), ...layers.map(({ diffId }) => diffId)] },
  };
  const text = JSON.stringify(content);
  return { text, id: `sha256:${createHash("sha256").update(text).digest("hex")}` };
}

const sorted = <T>(record: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));

/** Makes the engine take the image, under the name `tag`. Layers that it has are only named, so that kilobytes are sent. */
export async function loadImage(
  docker: Docker,
  recipe: ImageRecipe,
  config: ImageConfig,
  tag: string,
  signal?: AbortSignal,
): Promise<void> {
  const archive = pack();
  const filled = fill();
  filled.catch((error) => archive.destroy(error));
  try {
    const body = archive as unknown as NodeJS.ReadableStream;
    const answer = (await docker.loadImage(body, { quiet: true, abortSignal: signal })) as NodeJS.ReadableStream;
    for await (const { error } of events(answer, signal)) if (error !== undefined) throw new Error(error);
    await filled;
  } catch (cause) {
    archive.destroy();
    signal?.throwIfAborted();
    const { json, message } = cause as { json?: { message?: string } } & Error;
    throw new FaasError(
      "BUILD_FAILED",
      `The Docker engine does not take the image ${tag}: ${json?.message ?? message}`,
      { cause },
    );
  }

  // The format of `docker save`: https://github.com/moby/docker-image-spec, "Combined Image JSON + Filesystem Changeset Format".
  async function fill(): Promise<void> {
    const name = `${config.id.slice("sha256:".length)}.json`;
    const known = (recipe.base.RootFS.Layers ?? []).map((_, index) => `known-${index}.tar`);
    const added = recipe.layers.map((_, index) => `added-${index}.tar`);
    archive.entry({ name }, config.text);
    for (const [index, { file }] of recipe.layers.entries()) {
      const { size } = await stat(file);
      await new Promise<void>((resolve, reject) => {
        const entry = archive.entry({ name: added[index] as string, size }, (error) =>
          error ? reject(error) : resolve(),
        );
        createReadStream(file).once("error", reject).pipe(entry);
      });
    }
    const manifest = [{ Config: name, RepoTags: [tag], Layers: [...known, ...added] }];
    archive.entry({ name: "manifest.json" }, JSON.stringify(manifest));
    archive.finalize();
  }
}
