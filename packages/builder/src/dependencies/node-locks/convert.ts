import { readFileSync } from "node:fs";
import { join } from "node:path";
import { FaasError } from "@faas/core";
import { readOptionalText } from "../../source/manifest.ts";
import type { LockInput, ModuleGraph } from "./graph.ts";
import { unsupported } from "./graph.ts";
import { createNpmLock, type NpmLock } from "./npm-lock.ts";

/** Readers by the name of the lock file. Loaded on demand: most functions have a lock file of npm. */
const READERS: Readonly<Record<string, () => Promise<(input: LockInput) => ModuleGraph>>> = {
  "pnpm-lock.yaml": async () => (await import("./pnpm.ts")).readPnpmLock,
  "yarn.lock": async () => (await import("./yarn.ts")).readYarnLock,
  "bun.lock": async () => (await import("./bun.ts")).readBunLock,
};

/** Name of a program that the installation runs for a converted lock file, before the scripts of dependencies. */
export const PRUNE_PROGRAM = ".faas-prune.mjs";

/**
 * Text of that program. It removes optional packages for other systems, which the lock files of Yarn 1 do not mark, and npm's copy of the lock
 * file, so that npm reads the manifests with their scripts. The settings of npm that name another platform apply to it too.
 */
export const PRUNE_TEXT = `import { readFileSync, rmSync } from "node:fs";
const read = (path) => JSON.parse(readFileSync(path, "utf8"));
const { npm_config_os: os = process.platform, npm_config_cpu: cpu = process.arch } = process.env;
const ownLibc = () => (process.report?.getReport().header.glibcVersionRuntime ? "glibc" : "musl");
const libc = process.env.npm_config_libc ?? ownLibc();
const isFor = (list, value) => {
  const all = [list ?? []].flat();
  if (all.includes("!" + value)) return false;
  const wanted = all.filter((each) => !each.startsWith("!"));
  return wanted.length === 0 || wanted.includes("any") || wanted.includes(value);
};
for (const [path, { optional }] of Object.entries(read("package-lock.json").packages)) {
  if (!optional) continue;
  try {
    const own = read(path + "/package.json");
    if (isFor(own.os, os) && isFor(own.cpu, cpu) && (os !== "linux" || isFor(own.libc, libc))) continue;
    rmSync(path, { recursive: true });
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
}
rmSync("node_modules/.package-lock.json", { force: true });
`;

/**
 * Converts the lock file of pnpm, Yarn or Bun in a folder. Returns undefined without one, and for one that the function's `.faasignore` lists.
 *
 * @param root - folder of the lock file: the function's, or that of its workspace
 * @param manifest - manifest of the installation, with local packages by their path
 * @throws MANIFEST_INVALID for a lock file that is out of date or not supported
 */
export async function convertLock(
  root: string,
  folder: string,
  manifest: Readonly<Record<string, unknown>>,
): Promise<NpmLock | undefined> {
  const ignored = ((await readOptionalText(join(folder, ".faasignore"))) ?? "").split("\n").map((line) => line.trim());
  for (const [name, load] of Object.entries(READERS)) {
    const path = join(root, name);
    const text = ignored.includes(name) ? undefined : await readOptionalText(path);
    if (text === undefined) continue;
    const read = await load();
    return guard(path, () => createNpmLock(read({ path, text, root, folder, manifestOf }), folder, manifest));
  }
  const binary = join(root, "bun.lockb");
  if (!ignored.includes("bun.lockb") && (await readOptionalText(binary)) !== undefined)
    throw unsupported(binary, 'it is not a text file, which "bun install --save-text-lockfile" would write');
  return undefined;
}

/** Adds the path to errors of parsers. */
function guard<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    if (cause instanceof FaasError) throw cause;
    throw new FaasError("MANIFEST_INVALID", `${path}: ${(cause as Error).message}`, { cause });
  }
}

function manifestOf(folder: string): Readonly<Record<string, unknown>> {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8").replace(/^\ufeff/, ""));
}
