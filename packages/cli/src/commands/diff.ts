import { type EndpointRef, endpointKey, FaasError, type RevisionDetails, type SettingChange } from "@faas/core";
import type { Command } from "commander";
import type { Client } from "../client/client.ts";
import { connect } from "../client/connect.ts";
import { listRevisions, revisionDetails, revisionFiles } from "../client/revisions.ts";
import { formatChange } from "../deploy/changes.ts";
import { parseRef } from "../options/target.ts";
import {
  changedFiles,
  changedImage,
  changedSecrets,
  changedSettings,
  type FileChanges,
  type ImageChange,
} from "../revisions/revision-diff.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { humanSize, type OutputFormat, outputOption, print } from "../terminal/output.ts";

interface Options extends GlobalOptions {
  readonly output: OutputFormat;
}

/** Differences between two revisions. */
interface RevisionDiff {
  readonly from: string;
  readonly to: string;
  readonly settings: readonly SettingChange[];
  /** Secrets with another value. */
  readonly secrets: readonly string[];
  /** Absent: the files were not compared. */
  readonly files?: FileChanges;
  /** Absent: the same image, or no images. */
  readonly image?: ImageChange;
  /** Reason why the files were not compared, with the digests of the two. */
  readonly notCompared?: string;
}

export function define(command: Command, io: Io): void {
  command
    .argument("<org/endpoint>", "Endpoint")
    .argument("[revision-a]", "Revision, or the beginning of its id (by default the one that served before)")
    .argument("[revision-b]", "Revision to compare it with (by default the serving one)")
    .addOption(outputOption())
    .action(async (target: string, a: string | undefined, b: string | undefined) =>
      diff(parseRef(target), [a, b], command.optsWithGlobals<Options>(), io),
    );
}

async function diff(
  ref: EndpointRef,
  named: readonly [string | undefined, string | undefined],
  options: Options,
  io: Io,
): Promise<void> {
  const client = await connect(options, io);
  const [a, b] = await compared(ref, named, client);
  const [from, to] = await Promise.all([revisionDetails(client, ref, a), revisionDetails(client, ref, b)]);
  const found: RevisionDiff = {
    ...{ from: from.revision, to: to.revision },
    ...{ settings: changedSettings(from, to), secrets: changedSecrets(from, to) },
    ...(await compareCode(ref, [from, to], client, io)),
  };
  await print(found, options.output, io, text);
}

/** Returns the revisions to compare. */
async function compared(
  ref: EndpointRef,
  [a, b]: readonly [string | undefined, string | undefined],
  client: Client,
): Promise<readonly [string, string]> {
  if (a !== undefined && b !== undefined) return [a, b];
  const revisions = await listRevisions(client, ref);
  const serving = revisions.find(({ share, state }) => state === "serving" || share > 0)?.revision;
  const previous = revisions.find(({ servedUntil }) => servedUntil !== undefined)?.revision;
  const [from, to] = [a ?? previous, b ?? serving];
  if (from !== undefined && to !== undefined) return [from, to];
  throw new FaasError(
    "REVISION_NOT_FOUND",
    `No revision of ${endpointKey(ref)} served before ${to}: name the revisions to compare`,
  );
}

/** Compares the files of two revisions as far as the server has them, and their images. */
async function compareCode(
  ref: EndpointRef,
  [from, to]: readonly [RevisionDetails, RevisionDetails],
  client: Client,
  io: Io,
): Promise<Pick<RevisionDiff, "files" | "image" | "notCompared">> {
  const image = await compareImages([from, to], client, io);
  const [before, after] = await Promise.all([from, to].map(({ revision }) => revisionFiles(client, ref, revision)));
  const files = before && after && changedFiles(before, after);
  if (files) return { files, ...(image && { image }) };
  if (from.image === to.image) return { files: { added: [], removed: [], changed: [] } };
  const missing = [before, after].flatMap((each) => (each?.bundle !== undefined && !each.files ? [each.bundle] : []));
  const reason =
    missing.length > 0
      ? `the server does not have the bundle ${missing.join(" and ")}`
      : "the server has no bundle of their code";
  return { ...(image && { image }), notCompared: `${reason}; ${from.image} and ${to.image} differ` };
}

async function compareImages(
  [from, to]: readonly [RevisionDetails, RevisionDetails],
  client: Client,
  io: Io,
): Promise<ImageChange | undefined> {
  if (from.image === to.image || from.image.startsWith("bundle@") || to.image.startsWith("bundle@")) return undefined;
  const { imageLayers } = await import("@faas/builder");
  const { registry } = await client.config();
  const layersOf = async ({ image }: RevisionDetails) =>
    [image, await imageLayers(image, registry, io.env, io.signal)] as const;
  return changedImage(await layersOf(from), await layersOf(to));
}

function text({ from, to, settings, secrets, files, image, notCompared }: RevisionDiff): string {
  const lines = [
    `from ${from} to ${to}`,
    ...settings.map((change) => `setting ${formatChange(change)}`),
    ...secrets.map((name) => `secret ${name} has another value`),
    ...(files ? fileLines(files) : []),
    ...(image ? imageLines(image) : []),
    ...(notCompared === undefined ? [] : [`files not compared: ${notCompared}`]),
  ];
  if (lines.length === 1) lines.push("no difference");
  return lines.map((line) => `${line}\n`).join("");
}

const fileLines = ({ added, removed, changed }: FileChanges): string[] => [
  ...changed.map(({ path, from, to }) => `file ${path} changed (${humanSize(from.bytes)} -> ${humanSize(to.bytes)})`),
  ...added.map(({ path, bytes }) => `file ${path} added (${humanSize(bytes)})`),
  ...removed.map(({ path, bytes }) => `file ${path} removed (${humanSize(bytes)})`),
];

function imageLines({ from, to, layers }: ImageChange): string[] {
  const head = `image ${from} -> ${to}`;
  if (!layers) return [head, "layers not compared: the registry does not respond"];
  return [
    `${head}, ${layers.same} layers are the same`,
    ...layers.added.map((digest) => `layer ${digest} added`),
    ...layers.removed.map((digest) => `layer ${digest} removed`),
  ];
}
