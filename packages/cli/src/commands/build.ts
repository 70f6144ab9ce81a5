import { type Command, InvalidArgumentError } from "commander";
import { connect } from "../client/connect.ts";
import { buildImageWithProgress } from "../deploy/build-image.ts";
import { addSourceOptions, buildSettings, deployRef, type SourceOptions } from "../deploy/settings.ts";
import { addImageOptions, type ImageOptions, imageSettings, registryOf } from "../options/image-options.ts";
import { addRuntimeOptions } from "../options/settings-options.ts";
import { optionWithLaterDefault } from "../options/value-parsers.ts";
import { openProject } from "../project/project.ts";
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
    .addHelpText("after", "\nRequires a Docker engine. Deploy the image with faas deploy --image REFERENCE.")
    .action(async (dir: string | undefined) => build(dir, command.optsWithGlobals<Options>(), io));
}

async function build(dir: string | undefined, options: Options, io: Io): Promise<void> {
  const { source: folder, found } = await openProject(dir, io.cwd);
  const project = found?.project ?? {};
  const ref = deployRef(options, project);
  const settings = buildSettings(options, project);
  const push = options.push ?? false;
  // Only a push without --registry needs the server.
  const needsServer = push && options.registry === undefined;
  const config = needsServer ? await (await connect(options, io, folder)).config() : undefined;
  const progress = await Progress.create(io);
  try {
    const image = await buildImageWithProgress(
      {
        ...ref,
        folder,
        push,
        ...imageSettings(settings),
        ...(push || options.registry !== undefined ? { registry: registryOf(options, config) } : {}),
        ...(options.tag === undefined ? {} : { tag: options.tag }),
      },
      progress,
      io,
    );
    await print(image, options.output, io, ({ reference }) => `${reference}\n`);
  } catch (error) {
    progress.fail();
    throw error;
  }
}

/** Parses a tag (OCI distribution specification, "Pulling manifests"). */
function tag(text: string): string {
  if (/^\w[\w.-]{0,127}$/.test(text)) return text;
  throw new InvalidArgumentError(`letters, digits, "_", "." and "-", at most 128, got "${text}"`);
}
