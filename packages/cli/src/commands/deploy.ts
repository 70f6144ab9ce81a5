import type { Bundle } from "@faas/builder";
import {
  type Artifact,
  type EndpointRef,
  FaasError,
  type Registered,
  type Runtime,
  type ServerConfig,
  type SettingsInput,
} from "@faas/core";
import { type Command, InvalidArgumentError } from "commander";
import { type Client, connect } from "../client/client.ts";
import { checkOutcome, whatServes } from "../deploy/outcome.ts";
import { addSourceOptions, type DeploySettingsOptions, deployRef, deploySettings } from "../deploy/settings.ts";
import {
  addImageOptions,
  buildInputs,
  buildWithProgress,
  type ImageFlags,
  registryOf,
} from "../options/image-options.ts";
import { addSettingsOptions } from "../options/settings-options.ts";
import { openProject } from "../project/project.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { colors, humanSize, type OutputFormat, outputOption, print, printStatus } from "../terminal/output.ts";
import { Progress } from "../terminal/progress.ts";

interface Options extends GlobalOptions, DeploySettingsOptions, ImageFlags {
  readonly image?: string;
  readonly wait: boolean;
  readonly output: OutputFormat;
}

export function define(command: Command, io: Io): void {
  addSourceOptions(command);
  addSettingsOptions(command);
  addImageOptions(command);
  command
    .option("--image <reference>", "deploy this image, and build nothing", reference)
    .option("--env-file <file>", "file with a NAME=value line for each variable; --env wins over it")
    .option("--no-wait", "return when the revision is registered, before it answers")
    .addOption(outputOption())
    .addHelpText("after", "\nFlags win over faas.json, which is looked for in the folder and above it.")
    .action(async (dir: string | undefined) => deploy(dir, command.optsWithGlobals<Options>(), io));
}

/** One `faas deploy`, when it is known what and where to. */
interface Deployment extends ImageFlags {
  readonly folder: string;
  /** A ready one. */
  readonly image?: string;
  /** Of faas.json; where bundles run it means nothing. */
  readonly projectBaseImage?: string;
  readonly ref: EndpointRef;
  readonly settings: SettingsInput;
  readonly wait: boolean;
  readonly client: Client;
  readonly progress: Progress;
  readonly io: Io;
}

/** How far a deployment came. */
interface Attempt {
  /** The revision that the server registered. */
  revision?: string;
}

async function deploy(dir: string | undefined, options: Options, io: Io): Promise<void> {
  if (options.image !== undefined && (dir ?? options.baseImage ?? options.registry) !== undefined)
    throw new FaasError(
      "USAGE",
      "`--image` deploys what is built already: expected no folder, --base-image or --registry",
    );
  const { source: folder, found } = await openProject(dir, io.cwd);
  const project = found?.project ?? {};
  const ref = deployRef(options, project);
  const settings = await deploySettings(options, project, io);
  const client = await connect(options, io, folder);
  const progress = await Progress.create(io);
  const attempt: Attempt = {};
  try {
    const { image, registry, baseImage, wait } = options;
    const deployment = {
      ...{ folder, ref, settings, wait, client, progress, io },
      ...(image === undefined ? {} : { image }),
      ...(registry === undefined ? {} : { registry }),
      ...(baseImage === undefined ? {} : { baseImage }),
      ...(project.baseImage === undefined ? {} : { projectBaseImage: project.baseImage }),
    };
    const registered = await run(deployment, await client.config(), attempt);
    await print(registered, options.output, io, ({ url }) => `${url}\n`);
    // Without a key a private endpoint answers nobody.
    const isPrivate = client.hasKey && settings.visibility !== "public";
    const call = isPrivate ? `faas invoke ${ref.org}/${ref.endpoint}` : `curl -i ${registered.url}`;
    if (options.output === "table") printStatus(io, colors(io.stderr, io).dim(`try: ${call}`));
  } catch (error) {
    progress.fail();
    throw io.signal.aborted ? error : await withWhatServes(error, ref, client, attempt.revision);
  }
}

async function run(deployment: Deployment, config: ServerConfig, attempt: Attempt): Promise<Registered> {
  const { ref, settings, wait, client, progress, io } = deployment;
  const { artifact, runtime } = await artifactOf(deployment, config);
  progress.begin("register");
  const registered = await client.putEndpoint(ref, {
    artifact,
    settings: runtime === undefined ? settings : { ...settings, runtime },
  });
  const { revision, unchanged } = registered;
  attempt.revision = revision;
  progress.detail(`revision ${revision}`);
  if (wait) {
    // Unchanged ones too: an earlier deployment may still be on its way.
    progress.begin("ready");
    checkOutcome(await client.waitForRollout(ref, revision), revision);
  }
  progress.end();
  if (unchanged) printStatus(io, `Unchanged: revision ${revision} was deployed before.`);
  return registered;
}

/** What is to run, where the server can get at it. */
interface Built {
  readonly artifact: Artifact;
  readonly runtime?: Runtime;
}

async function artifactOf(deployment: Deployment, config: ServerConfig): Promise<Built> {
  const { image, registry, baseImage, client } = deployment;
  if (config.accepts === "image")
    return image === undefined ? imageOf(deployment, config) : { artifact: { kind: "image", reference: image } };
  const flag = image ? "--image" : registry ? "--registry" : baseImage ? "--base-image" : undefined;
  if (flag === undefined) return bundleOf(deployment, config);
  throw new FaasError(
    "ARTIFACT_UNSUPPORTED",
    `${flag} is about container images, and the server at ${client.url} (platform ${config.platform}) runs folders: deploy without it`,
  );
}

async function imageOf(deployment: Deployment, config: ServerConfig): Promise<Built> {
  const { ref, folder, settings, projectBaseImage, progress, io } = deployment;
  const image = await buildWithProgress(
    {
      ...ref,
      folder,
      push: true,
      registry: registryOf(deployment, config),
      ...buildInputs(settings, deployment, projectBaseImage),
    },
    progress,
    io,
  );
  return { artifact: { kind: "image", reference: image.reference }, runtime: image.runtime };
}

async function bundleOf(deployment: Deployment, config: ServerConfig): Promise<Built> {
  const { client, progress } = deployment;
  await using bundle = await pack(deployment);
  progress.begin("upload");
  await upload(deployment.ref.org, bundle, client, config, progress);
  return { artifact: { kind: "bundle", digest: bundle.digest }, runtime: bundle.runtime };
}

async function pack({ folder, settings: { runtime, handler }, progress, io }: Deployment): Promise<Bundle> {
  const { build } = await import("@faas/builder");
  const bundle = await build(folder, {
    ...(runtime === undefined ? {} : { runtime }),
    ...(handler === undefined ? {} : { handler }),
    signal: io.signal,
    onStage: (stage) => progress.begin(stage),
  });
  progress.detail(humanSize(bundle.sizeBytes));
  progress.end();
  for (const warning of bundle.warnings) printStatus(io, `${colors(io.stderr, io).yellow("warning:")} ${warning}`);
  return bundle;
}

async function upload(
  org: string,
  bundle: Bundle,
  client: Client,
  config: ServerConfig,
  progress: Progress,
): Promise<void> {
  const size = humanSize(bundle.sizeBytes);
  if (bundle.sizeBytes > config.bundleLimitBytes) {
    throw new FaasError(
      "BUNDLE_TOO_LARGE",
      `Expected a bundle of at most ${humanSize(config.bundleLimitBytes)}, the server's limit, got ${size}`,
      { extensions: { hint: "leave files out with .faasignore" } },
    );
  }
  if (await client.hasBundle(bundle.digest)) return progress.detail("the server has it");
  let sent = 0;
  const tar = bundle.open();
  tar.on("data", (piece) => {
    sent += piece.length;
    progress.detail(`${Math.round((sent / bundle.sizeBytes) * 100)}% of ${size}`);
  });
  // Paused again: the client reads it, from the beginning.
  tar.pause();
  await client.putBundle(org, bundle.digest, tar, bundle.sizeBytes);
}

/** Adds to the error what answers at the endpoint now. */
async function withWhatServes(
  error: unknown,
  ref: EndpointRef,
  client: Client,
  registered: string | undefined,
): Promise<unknown> {
  if (!(error instanceof FaasError) || error.code === "SERVER_UNREACHABLE") return error;
  const view = await client.endpoint(ref).catch(() => undefined);
  if (!view) return error;
  const message = `${error.message}\n${whatServes(view, registered)}`;
  return new FaasError(error.code, message, { cause: error, extensions: error.extensions });
}

/** The distribution project's reference grammar. */
function reference(text: string): string {
  if (/^[\w.:-]+(\/[\w.-]+)*(:\w[\w.-]{0,127})?(@sha256:[0-9a-f]{64})?$/.test(text)) return text;
  throw new InvalidArgumentError(`an image such as registry.example.com/team/name:tag, got "${text}"`);
}
