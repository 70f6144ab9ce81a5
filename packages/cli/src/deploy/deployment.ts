import {
  type CanaryRequest,
  type EndpointRef,
  type ErrorCode,
  FaasError,
  type Planned,
  type PreviewRequest,
  type PutEndpoint,
  type Registered,
  type ServerConfig,
  type SettingsChange,
} from "@faas/core";
import type { Client } from "../client/client.ts";
import { type CanaryOptions, canaryOf } from "../options/canary-options.ts";
import type { ImageOptions } from "../options/image-options.ts";
import type { NamedFunction } from "../project/functions.ts";
import type { Io } from "../terminal/io.ts";
import { printStatus, printWarning } from "../terminal/output.ts";
import type { StageProgress } from "../terminal/progress.ts";
import { traceDeployment } from "../traces/trace-deployment.ts";
import { type ArtifactSource, planArtifact, publishArtifact } from "./artifact.ts";
import { awaitCanary } from "./await-canary.ts";
import { awaitRollout, withServingRevision } from "./await-rollout.ts";
import { gitSource } from "./git-source.ts";
import { settingsAfter } from "./kept-settings.ts";
import { type DeploySettingsOptions, deployRef, requestedChange, unenforcedWarning } from "./settings.ts";

export interface DeployOptions extends DeploySettingsOptions, ImageOptions, CanaryOptions {
  readonly image?: string;
  readonly follow?: boolean;
  readonly message?: string;
  readonly preview?: boolean;
  readonly tag?: string;
  readonly expires?: string;
  readonly dryRun?: boolean;
  readonly wait: boolean;
}

/** Deployment as options and `faas.json` describe it. */
export interface RequestedDeployment {
  readonly folder: string;
  readonly ref: EndpointRef;
  readonly change: SettingsChange;
  /** Absent: the revision gets all calls as soon as it is ready. */
  readonly canary?: CanaryRequest;
}

/** Surroundings of a deployment. */
export interface DeployContext {
  readonly options: DeployOptions;
  readonly client: Client;
  readonly config: ServerConfig;
  readonly progress: StageProgress;
  readonly io: Io;
}

/** A registered endpoint with a description of what was detected in its folder. */
export type Deployed = Registered & { readonly detected?: string };

/** Progress of a deployment, for the error message. */
interface Attempt {
  /** Revision that the server registered. */
  revision?: string;
}

/**
 * Reads a deployment from options and `faas.json`; options win.
 *
 * @throws USAGE when a setting is invalid or contradicts another
 */
export async function requestDeployment(
  { folder, project }: Pick<NamedFunction, "folder" | "project">,
  options: DeployOptions,
  io: Io,
): Promise<RequestedDeployment> {
  checkPreviewOptions(options);
  checkFollowOption(options);
  const ref = deployRef(options, project);
  const canary = canaryOf(options, project.canary);
  return { folder, ref, change: await requestedChange(options, project, io), ...(canary && { canary }) };
}

/**
 * Builds, registers and waits.
 *
 * @throws DEPLOY_FAILED, or the code of the failed step, with the revision that serves the endpoint now
 */
export async function deploy(requested: RequestedDeployment, context: DeployContext): Promise<DeployResult> {
  return traceDeployment(requested.ref, context, (traced) => buildAndRollOut(requested, traced));
}

interface DeployResult {
  readonly deployed: Deployed;
  readonly source: ArtifactSource;
}

async function buildAndRollOut(requested: RequestedDeployment, context: DeployContext): Promise<DeployResult> {
  const { client, io } = context;
  const attempt: Attempt = {};
  try {
    const source = await sourceOf(requested, context);
    return { source, deployed: await run(source, requested, context, attempt) };
  } catch (error) {
    throw io.signal.aborted ? error : await withServingRevision(error, requested.ref, client, attempt.revision);
  }
}

/** Returns what a deployment would change. */
export async function plan(requested: RequestedDeployment, context: DeployContext): Promise<Planned> {
  const { client, config, options } = context;
  const { artifact, detected } = await planArtifact(await sourceOf(requested, context), config);
  return client.planEndpoint(requested.ref, {
    ...requested.change,
    ...(artifact && { artifact }),
    ...(options.follow && { follow: true }),
    ...(detected && { detected }),
  });
}

function checkPreviewOptions({ preview = false, tag, expires }: DeployOptions): void {
  if (!preview && (tag !== undefined || expires !== undefined))
    throw new FaasError("USAGE", "`--tag` and `--expires` are for `--preview`");
}

function checkFollowOption({ follow, image, preview }: DeployOptions): void {
  if (follow && (image === undefined || preview))
    throw new FaasError("USAGE", "`--follow` is for `--image` with a tag, without `--preview`");
}

const previewOf = ({ tag, expires }: DeployOptions): PreviewRequest => ({
  ...(tag === undefined ? {} : { tag }),
  ...(expires === undefined ? {} : { expires }),
});

async function sourceOf(requested: RequestedDeployment, context: DeployContext): Promise<ArtifactSource> {
  const { folder, ref, change } = requested;
  const { options, client, progress, io } = context;
  const { image, registry, baseImage, builder, platform } = options;
  return {
    ...{ folder, ref, settings: await settingsAfter(change, ref, client), client, progress, io },
    ...(image === undefined ? {} : { image }),
    ...(registry === undefined ? {} : { registry }),
    ...(baseImage === undefined ? {} : { baseImage }),
    ...(builder === undefined ? {} : { builder }),
    ...(platform === undefined ? {} : { platform }),
  };
}

/** Errors that a warm part alone may cause: a push may take longer than the server keeps code, and images may be allowed one by one. */
const WARM_PART_ERRORS: readonly ErrorCode[] = ["BUNDLE_NOT_FOUND", "IMAGE_NOT_ALLOWED"];

/** Registers a deployment; without its warm part, if the server rejects that. */
async function register(client: Client, ref: EndpointRef, body: PutEndpoint): Promise<Registered> {
  try {
    return await client.putEndpoint(ref, body);
  } catch (error) {
    const { artifact } = body;
    if (!(error instanceof FaasError) || !WARM_PART_ERRORS.includes(error.code)) throw error;
    if (artifact?.kind !== "image" || artifact.warm === undefined) throw error;
    const { warm: _, ...image } = artifact;
    return client.putEndpoint(ref, { ...body, artifact: image });
  }
}

/** Waits for the end of a canary, or for the rollout of a revision that has nothing to be compared with. */
async function followCanary({ canary, revision, unchanged }: Registered, wait: boolean, source: ArtifactSource) {
  const { ref, io } = source;
  if (!canary && !unchanged)
    printStatus(io, "No revision served before: it is deployed at once, because there is nothing to compare it with.");
  if (!wait) return;
  if (canary) await awaitCanary(ref, revision, source);
  else await awaitRollout(ref, revision, source);
}

async function run(
  source: ArtifactSource,
  { change, canary }: RequestedDeployment,
  { options, config, client, progress, io }: DeployContext,
  attempt: Attempt,
): Promise<Deployed> {
  const { ref, settings } = source;
  // Before the build, which may change files.
  const { message } = options;
  if (message !== undefined && !config.deploymentSources)
    printWarning(io, "the server is of an older release, which stores no message with a revision");
  const unenforced = unenforcedWarning(settings, config);
  if (unenforced !== undefined) printWarning(io, unenforced);
  const commit =
    config.deploymentSources && source.image === undefined ? await gitSource(source.folder, io.signal) : {};
  const { artifact, detected, description } = await publishArtifact(source, config);
  progress.begin("register");
  const preview = options.preview ? previewOf(options) : undefined;
  const body = {
    ...change,
    artifact,
    ...(detected && { detected }),
    ...(preview && { preview }),
    ...(options.follow && { follow: true }),
    ...(canary && { canary: { ...canary, steps: [...canary.steps] } }),
  };
  const origin = { ...commit, ...(message === undefined ? {} : { message }) };
  const registered = await register(client, ref, config.deploymentSources ? { ...body, source: origin } : body);
  const { revision } = registered;
  attempt.revision = revision;
  progress.detail(`revision ${revision}`);
  if (canary) await followCanary(registered, options.wait, source);
  else if (options.wait) {
    // An unchanged revision too: its earlier deployment may still be in progress.
    await awaitRollout(ref, revision, { ...source, isPreview: preview !== undefined });
  }
  progress.end();
  // A page's relative links lead to the site only below its address with a slash.
  const isSite = (settings.app ?? detected?.app) === "static";
  const shown = isSite ? { ...registered, url: `${registered.url}/` } : registered;
  return description === undefined ? shown : { ...shown, detected: description };
}
