import { connectDocker } from "../../docker/engine.ts";
import { explainEngineError } from "../../docker/engine-errors.ts";
import type { Source } from "../../source/source.ts";
import type { ResolvedImageOptions } from "../image-options.ts";
import { publishToRegistry } from "../publish.ts";
import { prepareDockerfileImage } from "./dockerfile-image.ts";
import { EngineTarget, keepInEngine } from "./engine-target.ts";
import { prepareFunctionImage } from "./function-image.ts";

/** Builds an image with a Docker engine, and pushes it with `push`. `folder` is for temporary files. */
export async function buildWithDocker(
  source: Source,
  usesDockerfile: boolean,
  folder: string,
  options: ResolvedImageOptions,
) {
  const docker = await connectDocker(options.env);
  try {
    const prepare = usesDockerfile ? prepareDockerfileImage : prepareFunctionImage;
    const image = await prepare(docker, source, folder, options);
    const { load: _, warm: __, ...facts } = image;
    const published =
      options.push && options.registry
        ? await publishToRegistry(await EngineTarget.open(docker, options.registry, options), image, options)
        : await keepInEngine(docker, image, options);
    return { ...facts, builder: "docker" as const, ...published };
  } catch (error) {
    options.signal?.throwIfAborted();
    throw explainEngineError(error);
  }
}
