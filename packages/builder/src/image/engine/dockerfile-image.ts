import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FaasError } from "@faas/core";
import type Docker from "dockerode";
import ignore from "ignore";
import { packTo, sourceItems } from "../../bundle/pack.ts";
import { dockerBuild } from "../../docker/build.ts";
import { readOptionalText } from "../../source/manifest.ts";
import { DOCKERFILE } from "../../source/runtime.ts";
import type { Source } from "../../source/source.ts";
import type { ResolvedImageOptions } from "../image-options.ts";
import { imageLabels } from "../labels.ts";
import type { PreparedImage } from "../prepared-image.ts";
import { baseImageLogins, proxyArguments } from "./build-settings.ts";

/**
 * Builds the image of the folder's own Dockerfile: a server that listens on `$PORT`, without a wrapper. `folder` is for temporary files.
 *
 * @throws USAGE for options that a Dockerfile replaces
 * @throws BUILD_FAILED
 */
export async function prepareDockerfileImage(
  docker: Docker,
  source: Source,
  folder: string,
  options: ResolvedImageOptions,
): Promise<PreparedImage> {
  const { signal, onLine } = options;
  if (options.handler !== undefined) {
    throw new FaasError("USAGE", `"handler" has no effect with a ${DOCKERFILE}: its own server listens on $PORT`);
  }
  if (options.baseImage !== undefined) {
    throw new FaasError("USAGE", `A base image has no effect with a ${DOCKERFILE}, which has its own FROM`);
  }
  const text = await readFile(join(source.folder, DOCKERFILE), "utf8");
  const isIgnored = await dockerIgnore(source.folder);
  const entries = source.entries.filter(({ name }) => name === DOCKERFILE || !isIgnored(name));
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
  const { Id, Os, Architecture } = await docker.getImage(imageId).inspect();
  return {
    imageId: Id,
    platforms: [`${Os}/${Architecture}`],
    runtime: "dockerfile",
    description: "Dockerfile",
    warnings: source.warnings,
    // The build left it in the engine.
    load: async () => {},
  };
}

/** Reads `.dockerignore`: like `.gitignore`, but patterns are relative to the root of the folder. */
async function dockerIgnore(folder: string): Promise<(name: string) => boolean> {
  const text = (await readOptionalText(join(folder, ".dockerignore"))) ?? "";
  const patterns = text.split(/\r?\n/).flatMap((line) => {
    const [, not = "", path = ""] = /^\s*(!?)\s*\/?(.*?)\s*$/.exec(line) ?? [];
    return path === "" || line.trimStart().startsWith("#") ? [] : [`${not}/${path.replace(/^\.\//, "")}`];
  });
  const rules = ignore().add(patterns);
  return (name) => rules.ignores(name);
}
