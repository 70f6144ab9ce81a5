import { createReadStream } from "node:fs";
import { type ErrorCode, FaasError } from "@faas/core";
import type Docker from "dockerode";
import type { ImageBuildOptions } from "dockerode";
import { MAX_LOG_LINES, summarizeOutput } from "../dependencies/installer.ts";
import { dockerfileInstructions } from "./dockerfile-instructions.ts";
import { engineMessage } from "./engine-errors.ts";
import { events } from "./events.ts";

export interface DockerBuild {
  /** Tar of the build context. */
  readonly contextFile: string;
  /** Text and name of the Dockerfile, for messages. */
  readonly dockerfile: { readonly text: string; readonly name: string };
  readonly options: ImageBuildOptions;
  /** Error code of a failed step. */
  readonly failure: ErrorCode;
  /** Called with each line that the build prints. */
  readonly onLine?: ((line: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Maximum length of a step's output in memory. */
const MAX_OUTPUT_CHARACTERS = 64 * 1024;

/**
 * Builds with the Docker engine and returns the image's id. An abort stops the build on the engine too.
 *
 * @throws the build's `failure` code, with the failed step's line in the Dockerfile, and its last output in `lastLogLines`
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
      if (event.error !== undefined) throw stepError(build, step, output, event.error);
      const { ID } = (event.aux ?? {}) as { ID?: string };
      if (ID) id = ID;
      const text = event.stream ?? "";
      const nextStep = /^Step (\d+)\/\d+ : /.exec(text);
      if (nextStep) {
        step = Number(nextStep[1]);
        output = "";
      } else output = (output + text).slice(-MAX_OUTPUT_CHARACTERS);
      for (const line of text.split("\n")) if (line.trim() !== "") onLine?.(line);
    }
  } catch (error) {
    signal?.throwIfAborted();
    // Without a status it is a broken connection, not a failed step.
    if ((error as { statusCode?: number }).statusCode === undefined) throw error;
    throw stepError(build, step, output, engineMessage(error));
  } finally {
    context.destroy();
  }
  if (id !== undefined) return id;
  throw stepError(build, step, output, "the engine did not return an image id");
}

function stepError({ dockerfile, failure }: DockerBuild, step: number, output: string, error: string): FaasError {
  const lastLogLines = output
    .split("\n")
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences set colors.
    .map((line) => line.replaceAll(/\x1b\[[\d;]*m/g, "").trimEnd())
    .filter((line) => line !== "" && !/^ ---> |^Removing intermediate container /.test(line))
    .slice(-MAX_LOG_LINES);
  const [, code] = /returned a non-zero code: (\d+)/.exec(error) ?? [];
  const instruction = dockerfileInstructions(dockerfile.text)[step - 1];
  const [, parseLine] = /parse error (?:on )?line (\d+)/i.exec(error) ?? [];
  const where = instruction
    ? `${dockerfile.name}:${instruction.line}`
    : parseLine
      ? `${dockerfile.name}:${parseLine}`
      : dockerfile.name;
  const command = instruction ? ` "${shorten(instruction.text)}"` : "";
  const reason = code === undefined ? error : `ended with exit code ${code}: ${summarizeOutput(lastLogLines)}`;
  return new FaasError(failure, `${where}:${command} ${code === undefined ? "failed: " : ""}${reason}`, {
    extensions: { lastLogLines },
  });
}

const shorten = (text: string) => (text.length > 80 ? `${text.slice(0, 77)}...` : text);
