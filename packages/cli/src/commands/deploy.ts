import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Bundle } from "@faas/builder";
import {
  type EndpointRef,
  type EndpointView,
  endpointKey,
  FaasError,
  type Project,
  type SettingsInput,
  settingsInputSchema,
  validate,
} from "@faas/core";
import type { Command } from "commander";
import { Client, serverUrl } from "../client.ts";
import { parseEnvFile } from "../env-file.ts";
import type { GlobalOptions, Io } from "../io.ts";
import { colors, humanSize, type OutputFormat, outputOption, print, say } from "../output.ts";
import { Progress } from "../progress.ts";
import { findProject } from "../project.ts";
import { addSettingsOptions, type SettingsOptions, settingsOf } from "../settings-options.ts";
import { checkRef } from "../target.ts";

interface Options extends GlobalOptions, SettingsOptions {
  readonly org?: string;
  readonly endpoint?: string;
  readonly envFile?: string;
  readonly wait: boolean;
  readonly output: OutputFormat;
}

/** What `--output json` prints. */
interface Outcome extends EndpointRef {
  readonly url: string;
  readonly revision: string;
  readonly unchanged: boolean;
}

export function define(command: Command, io: Io): void {
  command
    .argument("[dir]", "folder with the function", ".")
    .option("--org <org>", "organization (or org in faas.json)")
    .option("--endpoint <endpoint>", "name of the endpoint (or endpoint in faas.json)");
  addSettingsOptions(command);
  command
    .option("--env-file <file>", "file with a NAME=value line for each variable; --env wins over it")
    .option("--no-wait", "return when the revision is registered, before it answers")
    .addOption(outputOption())
    .addHelpText("after", "\nFlags win over faas.json, which is looked for in the folder and above it.")
    .action(async (dir: string) => deploy(dir, command.optsWithGlobals<Options>(), io));
}

async function deploy(dir: string, options: Options, io: Io): Promise<void> {
  const folder = resolve(io.cwd, dir);
  const project = (await findProject(folder))?.project ?? {};
  const ref = refOf(options, project);
  const settings = await mergeSettings(options, project, io);
  const client = new Client(await serverUrl(options, io, folder), io.signal);
  const { accepts } = await client.config();
  if (accepts !== "bundle") {
    throw new FaasError(
      "ARTIFACT_UNSUPPORTED",
      `The server at ${client.url} runs container images, and this faas builds bundles only`,
    );
  }
  const progress = await Progress.create(io);
  try {
    const outcome = await run(folder, ref, settings, options, client, progress, io);
    await print(outcome, options.output, io, ({ url }) => `${url}\n`);
    if (options.output === "table") say(io, colors(io.stderr, io).dim(`try: curl -i ${outcome.url}`));
  } catch (error) {
    progress.fail();
    throw error;
  }
}

async function run(
  folder: string,
  ref: EndpointRef,
  settings: SettingsInput,
  options: Options,
  client: Client,
  progress: Progress,
  io: Io,
): Promise<Outcome> {
  const { build } = await import("@faas/builder");
  const { runtime, handler } = settings;
  await using bundle = await build(folder, {
    ...(runtime === undefined ? {} : { runtime }),
    ...(handler === undefined ? {} : { handler }),
    signal: io.signal,
    onStage: (stage) => progress.begin(stage),
  });
  progress.detail(humanSize(bundle.sizeBytes));
  progress.end();
  for (const warning of bundle.warnings) say(io, `${colors(io.stderr, io).yellow("warning:")} ${warning}`);

  progress.begin("upload");
  await upload(bundle, client, progress);
  progress.begin("register");
  const registered = await client.putEndpoint(ref, {
    artifact: { kind: "bundle", digest: bundle.digest },
    settings: { ...settings, runtime: bundle.runtime },
  });
  const { url, revision, unchanged } = registered;
  progress.detail(`revision ${revision}`);
  progress.end();
  if (unchanged) say(io, `Unchanged: revision ${revision} is deployed already.`);
  else if (options.wait) {
    progress.begin("ready");
    const view = await client.settled(ref, revision);
    if (view.failure?.revision === revision || view.phase === "failed") throw failed(ref, view);
    progress.end();
  }
  return { ...ref, url, revision, unchanged };
}

async function upload(bundle: Bundle, client: Client, progress: Progress): Promise<void> {
  if (await client.hasBundle(bundle.digest)) return progress.detail("the server has it");
  let sent = 0;
  const tar = bundle.open();
  tar.on("data", (piece) => {
    sent += piece.length;
    progress.detail(`${Math.round((sent / bundle.sizeBytes) * 100)}% of ${humanSize(bundle.sizeBytes)}`);
  });
  // Paused again: the client reads it, from the beginning.
  tar.pause();
  await client.putBundle(bundle.digest, tar, bundle.sizeBytes);
}

function refOf(options: Options, project: Project): EndpointRef {
  const org = options.org ?? project.org;
  const endpoint = options.endpoint ?? project.endpoint;
  if (org !== undefined && endpoint !== undefined) return checkRef({ org, endpoint });
  const missing = [org === undefined ? "org" : "", endpoint === undefined ? "endpoint" : ""].filter(Boolean);
  throw new FaasError(
    "USAGE",
    `Expected ${missing.map((name) => `--${name}`).join(" and ")}, or ${missing.map((name) => `"${name}"`).join(" and ")} in faas.json`,
  );
}

/** Flags over `--env-file` over `faas.json`. */
async function mergeSettings(options: Options, project: Project, io: Io): Promise<SettingsInput> {
  const { $schema: _, org: __, endpoint: ___, server: ____, ...fromFile } = project;
  const { env: fromFlags, ...flags } = settingsOf(options);
  const fromEnvFile = options.envFile === undefined ? {} : await readEnvFile(resolve(io.cwd, options.envFile));
  const env = { ...fromFile.env, ...fromEnvFile, ...fromFlags };
  return validate(
    settingsInputSchema,
    { ...fromFile, ...flags, ...(Object.keys(env).length > 0 ? { env } : {}) },
    "the settings",
    "USAGE",
  );
}

async function readEnvFile(path: string): Promise<Record<string, string>> {
  const text = await readFile(path, "utf8").catch((cause) => {
    throw new FaasError("USAGE", `Cannot read the --env-file ${path}: ${cause.code ?? cause.message}`, { cause });
  });
  return parseEnvFile(text, path);
}

/** The function's own words, and what serves now. */
function failed(ref: EndpointRef, { failure, revision, phase }: EndpointView): FaasError {
  const serves = phase !== "failed" && failure?.revision !== revision;
  const after = serves
    ? `Revision ${revision}, deployed before, goes on serving ${endpointKey(ref)}.`
    : `${endpointKey(ref)} has no revision that answers.`;
  return new FaasError("DEPLOY_FAILED", `${failure?.detail ?? "the revision did not get ready"}\n${after}`, {
    extensions: { cause: failure?.code, lastLogLines: failure?.lastLogLines ?? [] },
  });
}
