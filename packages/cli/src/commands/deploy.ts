import { endpointKey, FaasError, type Registered, type ServerConfig, type SettingsChange } from "@faas/core";
import { type Command, InvalidArgumentError } from "commander";
import { connect } from "../client/connect.ts";
import { rootAddresses } from "../deploy/addresses.ts";
import { type ArtifactSource, planArtifact, publishArtifact } from "../deploy/artifact.ts";
import { awaitRollout, withServingRevision } from "../deploy/await-rollout.ts";
import { formatChange } from "../deploy/changes.ts";
import { settingsAfter } from "../deploy/kept-settings.ts";
import { addSourceOptions, type DeploySettingsOptions, deployRef, requestedChange } from "../deploy/settings.ts";
import { addImageOptions, type ImageOptions } from "../options/image-options.ts";
import { unsetOption } from "../options/setting-name.ts";
import { addSettingsOptions } from "../options/settings-options.ts";
import { openProject } from "../project/project.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { colors, type OutputFormat, outputOption, print, printStatus } from "../terminal/output.ts";
import { Progress } from "../terminal/progress.ts";

interface Options extends GlobalOptions, DeploySettingsOptions, ImageOptions {
  readonly image?: string;
  readonly dryRun?: boolean;
  readonly wait: boolean;
  readonly output: OutputFormat;
}

export function define(command: Command, io: Io): void {
  addSourceOptions(command);
  addSettingsOptions(command);
  addImageOptions(command);
  command
    .option("--image <reference>", "Existing image to deploy instead of a build", reference)
    .option("--env-file <file>", "File with a NAME=value line per variable; --env wins over it")
    .option(
      "--unset <setting>",
      "Setting to put back to its default, or env.NAME or secrets.NAME to remove; repeatable",
      unsetOption,
    )
    .option("--reset", "Put back to its default what neither options nor faas.json name")
    .option("--dry-run", "Print the settings that would change, and deploy nothing")
    .option("--no-wait", "Return after registration, before the revision is ready")
    .addOption(outputOption())
    .addHelpText(
      "after",
      "\nOptions win over faas.json, which is searched for in the folder and above it. What neither names stays as it is.",
    )
    .action(async (dir: string | undefined) => deploy(dir, command.optsWithGlobals<Options>(), io));
}

interface Deployment extends ArtifactSource {
  readonly change: SettingsChange;
  readonly wait: boolean;
}

/** Progress of a deployment, for the error message. */
interface Attempt {
  /** Revision that the server registered. */
  revision?: string;
}

async function deploy(dir: string | undefined, options: Options, io: Io): Promise<void> {
  if (options.image !== undefined && (dir ?? options.baseImage ?? options.registry) !== undefined)
    throw new FaasError(
      "USAGE",
      "`--image` deploys an existing image: omit the folder, `--base-image` and `--registry`",
    );
  const { source: folder, found } = await openProject(dir, io.cwd);
  const project = found?.project ?? {};
  const ref = deployRef(options, project);
  const change = await requestedChange(options, project, io);
  const client = await connect(options, io, folder);
  const progress = await Progress.create(io);
  const attempt: Attempt = {};
  try {
    const { image, registry, baseImage, wait } = options;
    const config = await client.config();
    const settings = await settingsAfter(change, ref, client);
    const deployment = {
      ...{ folder, ref, change, settings, wait, client, progress, io },
      ...(image === undefined ? {} : { image }),
      ...(registry === undefined ? {} : { registry }),
      ...(baseImage === undefined ? {} : { baseImage }),
    };
    if (options.dryRun) return await printPlan(deployment, config, options.output);
    const registered = await run(deployment, config, attempt);
    await print(registered, options.output, io, ({ url }) => `${url}\n`);
    // A private endpoint rejects a call without a key.
    const isPrivate = client.hasKey && settings.visibility !== "public";
    const call = isPrivate ? `faas invoke ${ref.org}/${ref.endpoint}` : `curl -i ${registered.url}`;
    if (options.output === "table") {
      for (const address of rootAddresses(ref, registered.url, settings.hostnames))
        printStatus(io, colors(io.stderr, io).dim(`also at: ${address}`));
      printStatus(io, colors(io.stderr, io).dim(`try: ${call}`));
    }
  } catch (error) {
    progress.fail();
    throw io.signal.aborted || options.dryRun ? error : await withServingRevision(error, ref, client, attempt.revision);
  }
}

/** Prints what a deployment would change. */
async function printPlan(deployment: Deployment, config: ServerConfig, output: OutputFormat): Promise<void> {
  const { ref, change, client, io } = deployment;
  const { artifact, detected } = await planArtifact(deployment, config);
  const planned = await client.planEndpoint(ref, {
    ...change,
    ...(artifact && { artifact }),
    ...(detected && { detected }),
  });
  await print(planned, output, io, ({ changes }) => changes.map((each) => `${formatChange(each)}\n`).join(""));
  if (output !== "table") return;
  if (planned.created) printStatus(io, `New endpoint: ${endpointKey(ref)} does not exist yet.`);
  else if (planned.changes.length === 0) printStatus(io, "No setting would change.");
}

/** A registered endpoint with a description of what was detected in its folder. */
type Deployed = Registered & { readonly detected?: string };

async function run(deployment: Deployment, config: ServerConfig, attempt: Attempt): Promise<Deployed> {
  const { ref, change, settings, wait, client, progress, io } = deployment;
  const { artifact, detected, description } = await publishArtifact(deployment, config);
  progress.begin("register");
  const registered = await client.putEndpoint(ref, { ...change, artifact, ...(detected && { detected }) });
  const { revision, unchanged, created = false, changes = [] } = registered;
  attempt.revision = revision;
  progress.detail(`revision ${revision}`);
  if (wait) {
    // An unchanged revision too: its earlier deployment may still be in progress.
    await awaitRollout(ref, revision, deployment);
  }
  progress.end();
  if (!created) for (const each of changes) printStatus(io, formatChange(each));
  if (unchanged) printStatus(io, `Unchanged: revision ${revision} is already deployed.`);
  // A page's relative links lead to the site only below its address with a slash.
  const isSite = (settings.app ?? detected?.app) === "static";
  const shown = isSite ? { ...registered, url: `${registered.url}/` } : registered;
  return description === undefined ? shown : { ...shown, detected: description };
}

/** Parses an image reference, by the grammar of the distribution project. */
function reference(text: string): string {
  if (/^[\w.:-]+(\/[\w.-]+)*(:\w[\w.-]{0,127})?(@sha256:[0-9a-f]{64})?$/.test(text)) return text;
  throw new InvalidArgumentError(`an image such as registry.example.com/team/name:tag, got "${text}"`);
}
