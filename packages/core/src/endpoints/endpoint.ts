import { createHash } from "node:crypto";
import { z } from "zod";
import type { Immutable } from "../immutable.ts";
import { DEFAULT_DISK } from "../placement/default-disk.ts";
import type { ExtendedResources } from "../placement/extended-resources.ts";
import type { Schedule } from "../schedules/schedule-settings.ts";
import { parseCpu, parseDuration, parseSize } from "../units.ts";
import type { AsyncSettings } from "./async-settings.ts";
import type { EndpointRef } from "./endpoint-key.ts";
import type { RevisionOrigin } from "./revision-origin.ts";
import type { SecretVersion } from "./secrets.ts";
import type { App, Egress, Runtime, Scaler, Settings, SettingsInput, Signature } from "./settings.ts";
import type { TrafficSplit } from "./traffic.ts";
import type { WarmWindow } from "./warm-windows.ts";

export const bundleDigestSchema = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/, 'expected "sha256:" and 64 lower-case hexadecimal digits');

const imageReferenceSchema = z.string().min(1).max(1024);

/** Schema of what a warm pod needs to become a replica of an image (docs/decisions/0038-warm-images-and-code-bundles.md). */
export const warmImageSchema = z
  .strictObject({
    image: imageReferenceSchema.describe("Image with the dependencies and the wrapper, without the code"),
    code: bundleDigestSchema.describe("Bundle with the code: the files that the image of the function adds"),
    hasDependencies: z.boolean().optional().describe("True if the image has dependencies in /app"),
  })
  .meta({ id: "WarmImage", description: "The image of warm pods, and the code that they load" });
export type WarmImage = Immutable<z.infer<typeof warmImageSchema>>;

const imagePlatformSchema = z
  .string()
  .regex(/^[a-z0-9]{1,20}\/[a-z0-9]{1,20}$/, "expected an operating system and a CPU such as linux/amd64");

/** Schema of an artifact built from a source folder: a bundle (embedded platform) or a container image (Kubernetes). */
export const artifactSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("bundle"), digest: bundleDigestSchema }),
  z.strictObject({
    kind: z.literal("image"),
    reference: imageReferenceSchema,
    warm: warmImageSchema.optional().describe("Absent: replicas start from the image alone"),
    platforms: z
      .array(imagePlatformSchema)
      .min(1)
      .max(8)
      .optional()
      .describe("Platforms that the image is for. Absent: unknown, so that replicas may be placed on any node"),
  }),
]);
export type Artifact = Immutable<z.infer<typeof artifactSchema>>;

/** Formats an artifact as in `image` of `POST /add_endpoint`: `bundle@sha256:…` for a bundle, the reference for an image. */
export function formatArtifact(artifact: Artifact): string {
  return artifact.kind === "bundle" ? `bundle@${artifact.digest}` : artifact.reference;
}

/** Parses the text of {@link formatArtifact}; undefined when a bundle's digest is malformed. */
export function parseArtifact(image: string): Artifact | undefined {
  if (!image.startsWith("bundle@")) return { kind: "image", reference: image };
  const digest = bundleDigestSchema.safeParse(image.slice("bundle@".length));
  return digest.success ? { kind: "bundle", digest: digest.data } : undefined;
}

/** Returns the digest of the bundle that an artifact needs: the function itself, or the code for warm pods. */
export const bundleOf = (artifact: Artifact): string | undefined =>
  artifact.kind === "bundle" ? artifact.digest : artifact.warm?.code;

/** Input of a platform for running a revision of an endpoint. Quantities are plain numbers with the unit in their names. */
export interface EndpointSpec extends EndpointRef {
  readonly revision: string;
  readonly artifact: Artifact;
  readonly runtime: Runtime;
  /** Absent: a function. */
  readonly app?: App;
  /** Absent: recognized by the wrapper. */
  readonly signature?: Signature;
  /** `file.export`; found by the wrapper when absent. */
  readonly handler?: string;
  /** Program and arguments of a server that listens on `$PORT`. */
  readonly command?: readonly string[];
  /** Path that responds with 2xx or 3xx once a server is ready. Absent: it is ready when it accepts connections. */
  readonly readyPath?: string;
  readonly replicas: number;
  readonly maxReplicas: number;
  /** Times with a minimum number of replicas. Absent: none. */
  readonly warm?: readonly WarmWindow[];
  readonly scaler: Scaler;
  readonly concurrency: number;
  /** Infinity: never idle; `auto`: chosen by the server. */
  readonly idleTimeoutMs: number | "auto";
  readonly timeoutMs: number;
  /** Settings of asynchronous calls. Absent: the defaults. */
  readonly async?: AsyncSettings;
  /** Times at which the server calls the endpoint. Absent: none. */
  readonly schedules?: readonly Schedule[];
  readonly cpuMillis: number;
  /** CPU limit that load may raise `cpuMillis` to, in place. Absent: the server's default. */
  readonly cpuMaxMillis?: number;
  readonly memoryBytes: number;
  /** Limit of the files of a replica. */
  readonly diskBytes: number;
  /** Extended resources of a replica, by name. Absent: none. */
  readonly resources?: ExtendedResources;
  readonly bodyLimitBytes: number;
  readonly egress: Egress;
  /** `public`: callable without a key. Absent: calls need a key of the organization, if the server requires keys. */
  readonly visibility?: "public";
  /** Hostnames at which the endpoint answers, normalized. Absent: none. */
  readonly hostnames?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Secrets by the variables that receive their values. Absent: none. */
  readonly secrets?: Readonly<Record<string, SecretVersion>>;
  /** Name of the endpoint of which this is a variant. Absent: it is not a variant. */
  readonly variantOf?: string;
  /** Division of the endpoint's calls among its revisions. Absent: all go to this one. */
  readonly split?: TrafficSplit;
  /** Revisions by tag. Absent: none. */
  readonly tags?: Readonly<Record<string, string>>;
}

/** A deployed artifact with its settings. Immutable; the id is a digest of the content. */
export interface Revision {
  /** The first 12 hexadecimal digits of the SHA-256 of artifact, settings and versions of secrets. */
  readonly id: string;
  /** RFC 3339, UTC. */
  readonly createdAt: string;
  /** Artifact without its warm part and its platforms: read it with {@link artifactOf}. */
  readonly artifact: Artifact;
  /** Warm part of the artifact, which does not change the id. Absent: none. It is a field of its own because older servers reject artifacts that have it. */
  readonly warm?: WarmImage;
  /** Platforms of the artifact, which do not change the id. Absent: unknown. They are a field of their own like `warm`. */
  readonly platforms?: readonly string[];
  readonly settings: Settings;
  /**
   * Settings that deployments have named, which the next one keeps. Absent: those of `settings` that differ from the defaults, without what builds
   * detect; read it with `setSettings`.
   */
  readonly set?: SettingsInput;
  /** Versions by name of the secrets in the settings: a new value gives a new revision. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Provenance, which does not change the id. Absent: an older server deployed it. */
  readonly origin?: RevisionOrigin;
}

/** Returns the artifact of a revision with its warm part and its platforms. */
export function artifactOf({ artifact, warm, platforms }: ArtifactFields): Artifact {
  if (artifact.kind !== "image") return artifact;
  return { ...artifact, ...(warm === undefined ? {} : { warm }), ...(platforms === undefined ? {} : { platforms }) };
}

/** Returns the fields of a revision that have an artifact. */
export function artifactFields(artifact: Artifact): ArtifactFields {
  if (artifact.kind === "bundle") return { artifact };
  const { warm, platforms, ...image } = artifact;
  return {
    artifact: image,
    ...(warm === undefined ? {} : { warm }),
    ...(platforms === undefined ? {} : { platforms }),
  };
}

type ArtifactFields = Pick<Revision, "artifact" | "warm" | "platforms">;

/** Computes the id of a revision. Equal content has an equal id, so that deploying it again changes nothing. */
export function revisionId(artifact: Artifact, settings: Settings, versions?: Revision["secrets"]): string {
  const env = sorted(settings.env);
  const { runtime, handler, replicas, maxReplicas, scaler, concurrency, idleTimeout, timeout, cpu, memory, bodyLimit } =
    settings;
  const content = [
    formatArtifact(artifact),
    ...[runtime, handler ?? null, replicas, maxReplicas, scaler, concurrency],
    ...[idleTimeout, timeout, cpu, memory, bodyLimit, env],
    ...optionalFields(settings, [
      "app",
      "signature",
      "command",
      "readyPath",
      "baseImage",
      "fallback",
      "hostnames",
      "cpuMax",
      "warm",
      "keepWarm",
      "async",
      "hooks",
      "subscriptions",
      "sources",
      "schedules",
      "tool",
      "disk",
      "resources",
    ]),
    ...(settings.egress === undefined ? [] : [{ egress: settings.egress }]),
    ...(settings.visibility === undefined ? [] : [{ visibility: settings.visibility }]),
    ...(settings.secrets === undefined
      ? []
      : [{ secrets: sorted(settings.secrets), versions: sorted(versions ?? {}) }]),
  ];
  return createHash("sha256").update(JSON.stringify(content)).digest("hex").slice(0, 12);
}

/** Lists each field that is set as an object, so that revisions without it keep their ids. */
const optionalFields = (settings: Settings, names: readonly (keyof Settings)[]) =>
  names.filter((name) => settings[name] !== undefined).map((name) => ({ [name]: settings[name] }));

const sorted = (record: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));

/** Converts a revision, whose settings are valid, to a spec. */
export function endpointSpec(ref: EndpointRef, revision: Revision): EndpointSpec {
  const { settings } = revision;
  return {
    org: ref.org,
    endpoint: ref.endpoint,
    revision: revision.id,
    artifact: artifactOf(revision),
    runtime: settings.runtime,
    ...(settings.app === undefined ? {} : { app: settings.app }),
    ...(settings.signature === undefined ? {} : { signature: settings.signature }),
    ...(settings.handler === undefined ? {} : { handler: settings.handler }),
    ...(settings.command === undefined ? {} : { command: commandArguments(settings.command) }),
    ...(settings.readyPath === undefined ? {} : { readyPath: settings.readyPath }),
    replicas: settings.replicas,
    maxReplicas: settings.maxReplicas,
    ...(settings.warm === undefined ? {} : { warm: settings.warm }),
    scaler: settings.scaler,
    concurrency: settings.concurrency,
    idleTimeoutMs: parseIdleTimeout(settings.idleTimeout),
    timeoutMs: parseDuration(settings.timeout) as number,
    ...(settings.async === undefined ? {} : { async: settings.async }),
    ...(settings.schedules === undefined ? {} : { schedules: settings.schedules }),
    cpuMillis: parseCpu(settings.cpu) as number,
    ...(settings.cpuMax === undefined ? {} : { cpuMaxMillis: parseCpu(settings.cpuMax) as number }),
    memoryBytes: parseSize(settings.memory) as number,
    diskBytes: parseSize(settings.disk ?? DEFAULT_DISK) as number,
    ...(settings.resources === undefined ? {} : { resources: settings.resources }),
    bodyLimitBytes: parseSize(settings.bodyLimit) as number,
    egress: settings.egress ?? "open",
    ...(settings.visibility === undefined ? {} : { visibility: settings.visibility }),
    ...(settings.hostnames === undefined ? {} : { hostnames: settings.hostnames }),
    env: settings.env,
    ...(settings.secrets === undefined ? {} : { secrets: secretVersions(settings.secrets, revision.secrets) }),
  };
}

/** Returns the program and the arguments of a command; text is for the shell. */
const commandArguments = (command: string | readonly string[]): readonly string[] =>
  typeof command === "string" ? ["/bin/sh", "-c", command] : command;

function secretVersions(secrets: Readonly<Record<string, string>>, versions: Revision["secrets"] = {}) {
  const entries = Object.entries(secrets);
  return Object.fromEntries(entries.map(([variable, name]) => [variable, { name, version: versions[name] ?? "" }]));
}

function parseIdleTimeout(text: string): number | "auto" {
  if (text === "auto") return "auto";
  return text === "never" ? Number.POSITIVE_INFINITY : (parseDuration(text) as number);
}
