/** The embedded platform with its own data folder, and functions from strings. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type EndpointSpec,
  type EndpointStatus,
  endpointSpec,
  isLanguage,
  type Language,
  type LogSink,
  revisionId,
  type SettingsInput,
  WRAPPER_FILES,
  withDefaults,
} from "@faas/core";
import { type EmbeddedOptions, EmbeddedPlatform } from "@faas/platforms";
import { eventually, tempDir } from "@faas/testing";
import { readSource } from "../../packages/builder/src/source/source.ts";
import { compile } from "../../packages/builder/src/typescript/compile.ts";
import { Landlock } from "../../packages/platforms/src/embedded/sandbox/landlock.ts";
import { LogStore } from "../../packages/server/src/logs/log-store.ts";

const templates = join(import.meta.dirname, "../../templates");
export const nodeWrapper = join(templates, "node/.interface.mjs");
const TEMPLATES: Readonly<Record<Language, string>> = { node: "node", typescript: "node", python: "python" };
const SOURCE_FILES: Readonly<Record<Language, string>> = {
  node: "index.mjs",
  typescript: "index.ts",
  python: "main.py",
};
/** Python itself: the script that a version manager installs changes the environment. */
export const python = execFileSync("python3", ["-c", "import sys; print(sys.executable)"], { encoding: "utf8" }).trim();

const landlock = Landlock.find();
/** Reason to skip tests that need a sandbox; `false` where it is available. */
export const noSandbox = typeof landlock === "string" ? landlock : false;
/** Reason to skip tests that need a sandbox that stops signals. */
export const noSignalSandbox =
  noSandbox || (landlock instanceof Landlock && landlock.stopsSignals ? false : "Landlock is too old for signals");
/** Reason to skip tests that need a private /tmp. */
export const noMounts =
  noSandbox || (landlock instanceof Landlock && landlock.hasMounts ? false : "no mount namespaces");

export interface EmbeddedUnderTest extends AsyncDisposable {
  readonly platform: EmbeddedPlatform;
  readonly logs: LogSink;
  readonly org: string;
  readonly dataDir: string;
  /** Writes the bundle of a function. */
  artifact(source: string, language?: Language): Promise<EndpointSpec["artifact"]>;
}

export async function startPlatform(options: Partial<EmbeddedOptions> = {}): Promise<EmbeddedUnderTest> {
  const { dataDir = tempDir("platform") } = options;
  const artifacts = new Map<string, Promise<void>>();
  const logs = new LogStore(dataDir);
  const bundleFolder = async (digest: string) => bundlePath(dataDir, digest);
  const platform = new EmbeddedPlatform({ dataDir, logs, python, bundleFolder, ...options });
  return {
    platform,
    logs,
    dataDir,
    org: "acme",
    async artifact(source, language = "node") {
      const digest = `sha256:${createHash("sha256").update(`${language} ${source}`).digest("hex")}`;
      const written = artifacts.get(digest) ?? writeBundle(bundlePath(dataDir, digest), source, language);
      artifacts.set(digest, written);
      await written;
      return { kind: "bundle", digest };
    },
    async [Symbol.asyncDispose]() {
      await platform[Symbol.asyncDispose]();
      await logs[Symbol.asyncDispose]();
      // A large bundle may still be linked in the background.
      await rm(dataDir, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

export const bundlePath = (dataDir: string, digest: string) => join(dataDir, "bundles", digest.slice("sha256:".length));

async function writeBundle(folder: string, source: string, language: Language): Promise<void> {
  await mkdir(folder, { recursive: true });
  const file = SOURCE_FILES[language];
  await writeFile(join(folder, file), source);
  if (language === "typescript") {
    const { files } = await compile(await readSource(folder, 2 ** 20), file);
    for (const { name, text } of files) await writeFile(join(folder, name), text);
  }
  const name = WRAPPER_FILES[language];
  await cp(join(templates, TEMPLATES[language], name), join(folder, name));
}

export function specOf(
  org: string,
  endpoint: string,
  artifact: EndpointSpec["artifact"],
  settings: SettingsInput = {},
): EndpointSpec {
  const full = withDefaults(settings);
  return endpointSpec({ org, endpoint }, { id: revisionId(artifact, full), createdAt: "", artifact, settings: full });
}

/** Applies a function as endpoint "x". */
export async function apply(
  under: EmbeddedUnderTest,
  source: string,
  settings: SettingsInput = {},
): Promise<EndpointSpec> {
  const { runtime = "node" } = settings;
  assert.ok(isLanguage(runtime));
  const spec = specOf(under.org, "x", await under.artifact(source, runtime), settings);
  await under.platform.apply(spec);
  return spec;
}

/** Applies a function as endpoint "x" and starts one replica. */
export async function run(
  under: EmbeddedUnderTest,
  source: string,
  settings: SettingsInput = {},
): Promise<EndpointSpec> {
  const spec = await apply(under, source, settings);
  await under.platform.scale(spec, 1);
  await ready(under);
  return spec;
}

/** Waits until the status of the only endpoint fulfils a condition. */
export async function until(
  { platform }: EmbeddedUnderTest,
  condition: (status: EndpointStatus) => boolean,
): Promise<EndpointStatus> {
  for await (const [status] of platform.watch(AbortSignal.timeout(120_000)))
    if (status && condition(status)) return status;
  throw new Error("The status was not seen within two minutes");
}

/** Waits until the first replica is ready, and returns its id and the path of its socket. */
export async function ready(under: EmbeddedUnderTest): Promise<{ readonly id: string; readonly socketPath: string }> {
  const { replicas } = await until(under, ({ replicas: [first] }) => first?.ready === true);
  const { id, address } = replicas[0] as (typeof replicas)[number];
  return { id, socketPath: address.slice("unix:".length) };
}

export async function noReplicas(under: EmbeddedUnderTest): Promise<void> {
  await until(under, ({ replicas }) => replicas.length === 0);
}

/** Reads the pid of a replica from its record. */
export async function pidOf({ dataDir }: EmbeddedUnderTest, replica: string): Promise<number> {
  return JSON.parse(await readFile(join(dataDir, "run", `${replica}.json`), "utf8")).pid;
}

/** Returns the lines that an endpoint has printed, once there are at least this many: a replica can be ready before its output is read. */
export function logsOf(under: EmbeddedUnderTest, spec: EndpointSpec, least = 1): Promise<string[]> {
  return eventually(`${least} lines are logged`, async () => {
    const lines: string[] = [];
    for await (const { line } of under.logs.open(spec).read({})) lines.push(line);
    return lines.length >= least && lines;
  });
}

/** Checks whether a process is running; an ended process that was not reaped is not (proc(5)). */
export function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3) !== "Z";
  } catch {
    return false;
  }
}
