import type { ServerConfig } from "@faas/core";
import { type Command, InvalidArgumentError } from "commander";
import { connect } from "../client/connect.ts";
import { buildImageWithProgress } from "../deploy/build-image.ts";
import { addSourceOptions, buildSettings, deployRef, type SourceOptions } from "../deploy/settings.ts";
import { checkOptionsForSeveral, forEachFunction, prepareAll, warnOfOwnProjects } from "../functions/each-function.ts";
import { printResults } from "../functions/print-results.ts";
import {
  addImageOptions,
  type ImageOptions,
  imageBuildOptions,
  imageSettings,
  registryOf,
} from "../options/image-options.ts";
import { addRuntimeOptions } from "../options/settings-options.ts";
import { optionWithLaterDefault } from "../options/value-parsers.ts";
import { type NamedFunction, openFunctions } from "../project/functions.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { type OutputFormat, outputOption, print } from "../terminal/output.ts";
import { Progress } from "../terminal/progress.ts";

interface Options extends GlobalOptions, SourceOptions, ImageOptions {
  readonly push?: boolean;
  readonly tag?: string;
  readonly output: OutputFormat;
}

export function define(command: Command, io: Io): void {
  addSourceOptions(command);
  addRuntimeOptions(command);
  addImageOptions(command);
  command
    .option("--push", "Push the image and print its reference by digest")
    .addOption(optionWithLaterDefault("--tag <tag>", "Tag of the image", "derived from the content").argParser(tag))
    .addOption(outputOption())
    .addHelpText(
      "after",
      "\nWithout --push, it requires a Docker engine. Deploy the image with faas deploy --image REFERENCE.",
    )
    .action(async (dir: string | undefined, names: readonly string[]) =>
      build(dir, names, command.optsWithGlobals<Options>(), io),
    );
}

async function build(dir: string | undefined, names: readonly string[], options: Options, io: Io): Promise<void> {
  const { source, found, functions } = await openFunctions(dir, names, io.cwd);
  const push = options.push ?? false;
  // Only a push without --registry needs the server.
  const needsServer = push && options.registry === undefined;
  const config = async () => (needsServer ? (await connect(options, io, source)).config() : undefined);
  if (functions && found) return buildFunctions(functions, found.path, options, io, config);
  const inputs = await imageBuild({ folder: source, project: found?.project ?? {} }, options);
  const target = targetOf(options, await config(), io);
  const progress = await Progress.create(io);
  try {
    const image = await buildImageWithProgress({ ...inputs, ...target }, progress, io);
    await print(image, options.output, io, ({ reference }) => `${reference}\n`);
  } catch (error) {
    progress.fail();
    throw error;
  }
}

async function buildFunctions(
  functions: readonly NamedFunction[],
  file: string,
  options: Options,
  io: Io,
  config: () => Promise<ServerConfig | undefined>,
): Promise<void> {
  const { endpoint, tag } = options;
  checkOptionsForSeveral(functions, { endpoint, tag });
  const inputs = await prepareAll(functions, (selected) => imageBuild(selected, options));
  await warnOfOwnProjects(functions, file, io);
  const target = targetOf(options, await config(), io);
  const results = await forEachFunction(functions, {
    ...{ io, done: "Built", verbose: options.verbose },
    task: async ({ name }, row) => {
      const build = { ...(inputs.get(name) as Inputs), ...target };
      const image = await buildImageWithProgress(build, row, row.io);
      return { value: image, stage: image.pushed ? "pushed" : "built", detail: image.description };
    },
  });
  await printResults(results, options.output, io, ({ reference }) => [reference]);
}

/** Returns the inputs of an image build; options win over `faas.json`. */
async function imageBuild({ folder, project }: Pick<NamedFunction, "folder" | "project">, options: Options) {
  return {
    ...deployRef(options, project),
    folder,
    push: options.push ?? false,
    ...imageSettings(buildSettings(options, project)),
    ...(options.tag === undefined ? {} : { tag: options.tag }),
  };
}

type Inputs = Awaited<ReturnType<typeof imageBuild>>;

/** Returns the registry that an image is for, if any, and how to build it. */
function targetOf(options: Options, config: ServerConfig | undefined, io: Io) {
  const registry = options.push || options.registry !== undefined ? { registry: registryOf(options, config) } : {};
  return { ...registry, ...imageBuildOptions(options, config, io.env) };
}

/** Parses a tag (OCI distribution specification, "Pulling manifests"). */
function tag(text: string): string {
  if (/^\w[\w.-]{0,127}$/.test(text)) return text;
  throw new InvalidArgumentError(`letters, digits, "_", "." and "-", at most 128, got "${text}"`);
}
