import type { ImageInspectInfo } from "dockerode";
import { sha256 } from "../registry/digest.ts";
import type { Layer } from "./layer.ts";

/** Facts about a base image on which the image's configuration depends. */
export type BaseFacts = Pick<ImageInspectInfo, "Id" | "Architecture" | "Variant" | "Os" | "RootFS" | "Config">;

/** Parts of an image: a base, and layers on top. */
export interface ImageRecipe<L extends Pick<Layer, "diffId"> = Layer> {
  readonly base: BaseFacts;
  readonly layers: readonly L[];
  /** Command, environment and user; may come from another image that was built for this one. */
  readonly config: ImageInspectInfo["Config"];
  readonly labels: Readonly<Record<string, string>>;
  /** RFC 3339; time of the source, not of the build. */
  readonly created: string;
}

/** Configuration of an image as text, and the image's id: the SHA-256 of that text. */
export interface ImageConfig {
  readonly id: string;
  readonly text: string;
}

/** Writes the configuration of an image (OCI image specification, "config"): equal recipes give equal ids. */
export function imageConfig(recipe: ImageRecipe<Pick<Layer, "diffId">>): ImageConfig {
  const { base, layers, config, labels, created } = recipe;
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
  return { text, id: sha256(text) };
}

const sorted = <T>(record: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
