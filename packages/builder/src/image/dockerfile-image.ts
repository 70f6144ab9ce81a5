import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FaasError } from "@faas/core";
import type Docker from "dockerode";
import ignore from "ignore";
import { packTo, sourceItems } from "../bundle/pack.ts";
import { dockerBuild } from "../docker/build.ts";
import type { Environment } from "../docker/config.ts";
import { readTextIfThere } from "../source/manifest.ts";
import { DOCKERFILE } from "../source/runtime.ts";
import type { Source } from "../source/source.ts";
import { baseImageLogins, proxyArguments } from "./build-settings.ts";
import type { Buildable, ImageOptions } from "./image.ts";
import { imageLabels } from "./labels.ts";

/** What the folder's own Dockerfile makes: a server that listens on `$PORT`. No wrapper is added. `folder` is for temporary files. */
export async function dockerfileImage(
  docker: Docker,
  source: Source,
  folder: string,
  options: ImageOptions & { readonly env: Environment },
): Promise<Buildable> {
  const { signal, onLine } = options;
  if (options.handler !== undefined) {
    throw new FaasError("USAGE", `"handler" means nothing with a ${DOCKERFILE}: its own server answers on $PORT`);
  }
  if (options.baseImage !== undefined) {
    throw new FaasError("USAGE", `A base image means nothing with a ${DOCKERFILE}: it says FROM itself`);
  }
  const text = await readFile(join(source.folder, DOCKERFILE), "utf8");
  const isLeftOut = await dockerIgnore(source.folder);
  const entries = source.entries.filter(({ name }) => name === DOCKERFILE || !isLeftOut(name));
  const contextFile = join(folder, "context.tar");
  const digest = await packTo(contextFile, sourceItems({ entries, compiled: [] }), signal);
  options.onStage?.("build");
  const imageId = await dockerBuild(docker, {
    contextFile,
    dockerfile: { text, name: DOCKERFILE },
    options: {
      rm: true,
      forcerm: true,
      labels: imageLabels(options, { source: digest }),
      buildargs: await proxyArguments(options.env),
      registryconfig: await baseImageLogins(text, options.env),
    },
    failure: "BUILD_FAILED",
    onLine,
    signal,
  });
  return {
    imageId: (await docker.getImage(imageId).inspect()).Id,
    runtime: "dockerfile",
    warnings: source.warnings,
    // It is there.
    load: async () => {},
  };
}

/** `.dockerignore`: like `.gitignore`, but a pattern is about the root of the folder. */
async function dockerIgnore(folder: string): Promise<(name: string) => boolean> {
  const text = (await readTextIfThere(join(folder, ".dockerignore"))) ?? "";
  const patterns = text.split(/\r?\n/).flatMap((line) => {
    const [, not = "", path = ""] = /^\s*(!?)\s*\/?(.*?)\s*$/.exec(line) ?? [];
    return path === "" || line.trimStart().startsWith("#") ? [] : [`${not}/${path.replace(/^\.\//, "")}`];
  });
  const rules = ignore().add(patterns);
  return (name) => rules.ignores(name);
}
