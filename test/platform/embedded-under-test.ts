/** The embedded platform on a data folder of its own, with functions from strings. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type EndpointSpec,
  type EndpointStatus,
  endpointSpec,
  type Language,
  revisionId,
  type SettingsInput,
  WRAPPER_FILES,
  withDefaults,
} from "@faas/core";
import { type EmbeddedOptions, EmbeddedPlatform } from "@faas/platforms";
import { compile } from "../../packages/builder/src/source/typescript.ts";
import { LogStore } from "../../packages/server/src/logs/log-store.ts";
import type { PlatformUnderTest } from "./contract.ts";

const templates = join(import.meta.dirname, "../../templates");
export const wrapper = join(templates, "node/.interface.mjs");
const TEMPLATES: Readonly<Record<Language, string>> = { node: "node", typescript: "node", python: "python" };
const SOURCE_FILES: Readonly<Record<Language, string>> = {
  node: "index.mjs",
  typescript: "index.ts",
  python: "main.py",
};
/** Python itself: what version managers put in its place changes the environment. */
export const python = execFileSync("python3", ["-c", "import sys; print(sys.executable)"], { encoding: "utf8" }).trim();

export interface EmbeddedUnderTest extends PlatformUnderTest {
  readonly platform: EmbeddedPlatform;
  readonly dataDir: string;
  artifact(source: string, language?: Language): Promise<EndpointSpec["artifact"]>;
}

export async function setUp(options: Partial<EmbeddedOptions> = {}): Promise<EmbeddedUnderTest> {
  const dataDir = await mkdtemp(join(tmpdir(), "faas-platform-"));
  const bundles = join(dataDir, "bundles");
  const artifacts = new Map<string, Promise<void>>();
  const logs = new LogStore(dataDir);
  const platform = new EmbeddedPlatform({
    dataDir,
    logs,
    bundleFolder: async (digest) => join(bundles, digest.slice(7)),
    ...options,
  });
  return {
    platform,
    logs,
    dataDir,
    org: "acme",
    async artifact(source, language = "node") {
      const hash = createHash("sha256").update(`${language} ${source}`).digest("hex");
      const written = artifacts.get(hash) ?? writeBundle(join(bundles, hash), source, language);
      artifacts.set(hash, written);
      await written;
      return { kind: "bundle", digest: `sha256:${hash}` };
    },
    async kill(replica) {
      const { readFile } = await import("node:fs/promises");
      const { pid } = JSON.parse(await readFile(join(dataDir, "run", `${replica}.json`), "utf8"));
      process.kill(pid, "SIGKILL");
    },
    async [Symbol.asyncDispose]() {
      await platform[Symbol.asyncDispose]();
      await logs[Symbol.asyncDispose]();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function writeBundle(folder: string, source: string, language: Language): Promise<void> {
  await mkdir(folder, { recursive: true });
  const file = SOURCE_FILES[language];
  await writeFile(join(folder, file), source);
  if (language === "typescript") {
    const { name, text } = await compile(folder, file, false);
    await writeFile(join(folder, name), text);
    await rm(join(folder, file));
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

export async function apply(
  under: EmbeddedUnderTest,
  source: string,
  settings: SettingsInput = {},
): Promise<EndpointSpec> {
  const { runtime = "node" } = settings;
  assert.ok(runtime !== "dockerfile");
  const spec = specOf(under.org, "x", await under.artifact(source, runtime), settings);
  await under.platform.apply(spec);
  return spec;
}

export async function until(
  under: EmbeddedUnderTest,
  condition: (status: EndpointStatus) => boolean,
): Promise<EndpointStatus> {
  for await (const [status] of under.platform.watch(AbortSignal.timeout(60_000)))
    if (status && condition(status)) return status;
  throw new Error("not seen within a minute");
}

export async function logsOf(under: EmbeddedUnderTest, spec: EndpointSpec): Promise<string[]> {
  const lines: string[] = [];
  for await (const { line } of under.logs.open(spec).read({})) lines.push(line);
  return lines;
}

export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Finds the children of a process that were started ahead of a function: those that wait, and those that a function has claimed (proc(5)). */
export function prewarmed(parent = process.pid): { readonly waiting: number[]; readonly claimed: number[] } {
  const found = { waiting: [] as number[], claimed: [] as number[] };
  for (const pid of readdirSync("/proc").map(Number).filter(Number.isInteger)) {
    const state = prewarmedState(pid, parent);
    if (state) found[state].push(pid);
  }
  return found;
}

function prewarmedState(pid: number, parent: number): "waiting" | "claimed" | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [state, ppid] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (state === "Z" || Number(ppid) !== parent) return undefined;
    const command = readFileSync(`/proc/${pid}/cmdline`, "latin1");
    if (!/programs\/prewarmed\.(mjs|py)/.test(command) || command.includes("/launcher.")) return undefined;
    // A claimed one runs the same program, elsewhere.
    return /\/(?:bundles|live)\//.test(readlinkSync(`/proc/${pid}/cwd`)) ? "claimed" : "waiting";
  } catch {
    return undefined;
  }
}
