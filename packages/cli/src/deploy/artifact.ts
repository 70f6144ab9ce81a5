import { Readable } from "node:stream";
import type { CodeBundle } from "@faas/builder";
import type { Bundle, DetectedSettings } from "@faas/builder/bundle";
import { type Artifact, type EndpointRef, FaasError, type ServerConfig, type SettingsInput } from "@faas/core";
import type { Client } from "../client/client.ts";
import {
  type ImageOptions,
  imageBuildOptions,
  imageSettings,
  registryOf,
  sourceSettings,
} from "../options/image-options.ts";
import type { Io } from "../terminal/io.ts";
import { humanSize, printWarning } from "../terminal/output.ts";
import type { StageProgress } from "../terminal/progress.ts";
import { buildImageWithProgress } from "./build-image.ts";

/** Source of an artifact, and the server that it is for. */
export interface ArtifactSource extends ImageOptions {
  readonly folder: string;
  /** Image that is built already. */
  readonly image?: string;
  /** `--base-image`: an error where bundles run, unlike a `baseImage` of `settings`. */
  readonly baseImage?: string;
  readonly ref: EndpointRef;
  /** Settings that the endpoint will have, without what the build detects. */
  readonly settings: SettingsInput;
  readonly client: Client;
  readonly progress: StageProgress;
  readonly io: Io;
}

/** Artifact that the server can reach. */
export interface PublishedArtifact {
  readonly artifact: Artifact;
  /** Settings that the build has detected. Absent for an image that is built already. */
  readonly detected?: DetectedSettings;
  /** Description of the code for people, such as "Express app, server.js". */
  readonly description?: string;
}

/**
 * Builds the artifact that the server accepts, and uploads it or pushes it to the registry.
 *
 * @throws ARTIFACT_UNSUPPORTED when image options are given and the server runs bundles
 */
export async function publishArtifact(source: ArtifactSource, config: ServerConfig): Promise<PublishedArtifact> {
  checkArtifactOptions(source, config);
  if (config.accepts === "bundle") return publishBundle(source, config);
  const { image } = source;
  return image === undefined ? publishImage(source, config) : { artifact: { kind: "image", reference: image } };
}

/**
 * Returns what a deployment of the source would send, without building it: the image, or what is detected in the folder.
 *
 * @throws the codes of {@link publishArtifact}, as far as they concern the settings
 */
export async function planArtifact(source: ArtifactSource, config: ServerConfig): Promise<Partial<PublishedArtifact>> {
  checkArtifactOptions(source, config);
  const { image, folder, settings, io } = source;
  if (image !== undefined) return { artifact: { kind: "image", reference: image } };
  const { detectSettings } = await import("@faas/builder/bundle");
  const options = { ...sourceSettings(settings), buildsImages: config.accepts === "image", signal: io.signal };
  return { detected: await detectSettings(folder, options) };
}

function checkArtifactOptions(source: ArtifactSource, config: ServerConfig): void {
  if (config.accepts === "image") return;
  const { image, registry, baseImage, platform, builder, client } = source;
  const given = {
    ...{ "--image": image, "--registry": registry, "--base-image": baseImage, "--platform": platform },
    "--builder": builder === "auto" ? undefined : builder,
  };
  const [option] = Object.entries(given).find(([, value]) => value !== undefined) ?? [];
  if (option === undefined) return;
  throw new FaasError(
    "ARTIFACT_UNSUPPORTED",
    `${option} is for container images. The server at ${client.url} (platform ${config.platform}) runs folders: deploy without it`,
  );
}

async function publishImage(source: ArtifactSource, config: ServerConfig): Promise<PublishedArtifact> {
  const { ref, folder, settings, progress, io } = source;
  const registry = registryOf(source, config);
  const image = await buildImageWithProgress(
    {
      ...ref,
      folder,
      push: true,
      registry,
      ...imageSettings(settings),
      ...imageBuildOptions(source, config, io.env),
      // An older server rejects artifacts with a warm part.
      ...(config.warmImages ? { uploadCode: (code: CodeBundle) => uploadCode(code, source) } : {}),
    },
    progress,
    io,
  );
  const { reference, warm, platforms, description } = image;
  const artifact: Artifact = {
    ...{ kind: "image", reference },
    ...(warm ? { warm } : {}),
    // An older server rejects them.
    ...(config.platforms ? { platforms: [...platforms] } : {}),
  };
  return { artifact, detected: await detectedSettings(image), description };
}

async function uploadCode({ digest, tar }: CodeBundle, { ref, client }: ArtifactSource): Promise<void> {
  if (!(await client.hasBundle(digest))) await client.putBundle(ref.org, digest, Readable.from([tar]), tar.length);
}

async function publishBundle(source: ArtifactSource, config: ServerConfig): Promise<PublishedArtifact> {
  await using bundle = await buildBundle(source);
  source.progress.begin("upload");
  await upload(bundle, source, config);
  const { digest, description } = bundle;
  return { artifact: { kind: "bundle", digest }, detected: await detectedSettings(bundle), description };
}

async function detectedSettings(built: DetectedSettings): Promise<DetectedSettings> {
  const { settingsOf } = await import("@faas/builder/bundle");
  return settingsOf(built);
}

async function buildBundle({ folder, settings, progress, io }: ArtifactSource): Promise<Bundle> {
  const { build } = await import("@faas/builder/bundle");
  const bundle = await build(folder, {
    ...sourceSettings(settings),
    signal: io.signal,
    onDetected: (description) => progress.detail(description),
    onStage: (stage) => progress.begin(stage),
  });
  progress.detail(humanSize(bundle.sizeBytes));
  progress.end();
  for (const warning of bundle.warnings) printWarning(io, warning);
  return bundle;
}

async function upload(
  bundle: Bundle,
  { ref, client, progress }: ArtifactSource,
  { bundleLimitBytes }: ServerConfig,
): Promise<void> {
  const size = humanSize(bundle.sizeBytes);
  if (bundle.sizeBytes > bundleLimitBytes)
    throw new FaasError(
      "BUNDLE_TOO_LARGE",
      `Expected a bundle of at most ${humanSize(bundleLimitBytes)}, the server's limit, got ${size}`,
      { extensions: { hint: "exclude files with .faasignore" } },
    );
  if (await client.hasBundle(bundle.digest)) return progress.detail("already on the server");
  let sent = 0;
  const tar = bundle.open();
  tar.on("data", (chunk) => {
    sent += chunk.length;
    progress.detail(`${Math.round((sent / bundle.sizeBytes) * 100)}% of ${size}`);
  });
  // The listener started the stream; the client reads it from the beginning.
  tar.pause();
  await client.putBundle(ref.org, bundle.digest, tar, bundle.sizeBytes);
}
