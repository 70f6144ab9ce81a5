import { createReadStream } from "node:fs";
import { type ErrorCode, FaasError } from "@faas/core";
import type Docker from "dockerode";
import type { ImageBuildOptions } from "dockerode";
import { LAST_LINES, reasonIn } from "../dependencies/installer.ts";
import { dockerfileInstructions } from "../image/dockerfile-lines.ts";
import { engineWords } from "./engine-errors.ts";
import { events } from "./events.ts";

export interface DockerBuild {
  /** A tar with everything that the build may see. */
  readonly contextFile: string;
  /** Its text and its name, for messages. */
  readonly dockerfile: { readonly text: string; readonly name: string };
  readonly options: ImageBuildOptions;
  /** The code of a step that fails. */
  readonly failure: ErrorCode;
  /** Told of each line that the build prints. */
  readonly onLine?: ((line: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What is kept of one step's output. */
const OUTPUT_KEPT = 64 * 1024;

/**
 * Builds with the Docker engine; gives the image's id. A step that fails is named with its line of the Dockerfile; its last lines are in
 * `lastLogLines`. An abort ends the build on the engine too.
 */
export async function dockerBuild(docker: Docker, build: DockerBuild): Promise<string> {
  const { contextFile, options, onLine, signal } = build;
  let id: string | undefined;
  let step = 0;
  let output = "";
  const context = createReadStream(contextFile);
  try {
    const stream = await docker.buildImage(context, {
      ...options,
      version: "1",
      abortSignal: signal,
    } as ImageBuildOptions);
    for await (const event of events(stream, signal)) {
      if (event.error !== undefined) throw stepFailed(build, step, output, event.error);
      const { ID } = (event.aux ?? {}) as { ID?: string };
      if (ID) id = ID;
      const text = event.stream ?? "";
      const begun = /^Step (\d+)\/\d+ : /.exec(text);
      if (begun) {
        step = Number(begun[1]);
        output = "";
      } else output = (output + text).slice(-OUTPUT_KEPT);
      for (const line of text.split("\n")) if (line.trim() !== "") onLine?.(line);
    }
  } catch (error) {
    signal?.throwIfAborted();
    // A broken connection is no step's fault.
    if ((error as { statusCode?: number }).statusCode === undefined) throw error;
    throw stepFailed(build, step, output, engineWords(error));
  } finally {
    context.destroy();
  }
  if (id !== undefined) return id;
  throw stepFailed(build, step, output, "the engine named no image");
}

function stepFailed({ dockerfile, failure }: DockerBuild, step: number, output: string, error: string): FaasError {
  const lastLogLines = output
    .split("\n")
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colors are escape sequences.
    .map((line) => line.replaceAll(/\x1b\[[\d;]*m/g, "").trimEnd())
    .filter((line) => line !== "" && !/^ ---> |^Removing intermediate container /.test(line))
    .slice(-LAST_LINES);
  const [, code] = /returned a non-zero code: (\d+)/.exec(error) ?? [];
  const instruction = dockerfileInstructions(dockerfile.text)[step - 1];
  const [, parseLine] = /parse error (?:on )?line (\d+)/i.exec(error) ?? [];
  const where = instruction
    ? `${dockerfile.name}:${instruction.line}`
    : parseLine
      ? `${dockerfile.name}:${parseLine}`
      : dockerfile.name;
  const what = instruction ? ` "${shorten(instruction.text)}"` : "";
  const why = code === undefined ? error : `ended with exit code ${code}: ${reasonIn(lastLogLines)}`;
  return new FaasError(failure, `${where}:${what} ${code === undefined ? "failed: " : ""}${why}`, {
    extensions: { lastLogLines },
  });
}

const shorten = (text: string) => (text.length > 80 ? `${text.slice(0, 77)}...` : text);
