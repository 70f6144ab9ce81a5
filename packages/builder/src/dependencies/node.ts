import { rename, rm, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { readPackageJson, readTextIfThere } from "../source/manifest.ts";
import { cached, cacheKey, type Dependencies, type DependencyOptions } from "./cache.ts";
import { runInstaller } from "./installer.ts";
import { copyLocalPackages, type LocalPackages, localPackages, resolveLinks } from "./local-packages.ts";

const LOCK_FILES = ["npm-shrinkwrap.json", "package-lock.json"];
const FOREIGN_LOCK_FILES = ["yarn.lock", "pnpm-lock.yaml", "bun.lock"];
const QUIET = ["--no-audit", "--no-fund", "--no-progress", "--loglevel=error"];

/** What npm, when it started us, tells its children about its own run. It would change what ours installs, or where. */
const OF_ANOTHER_RUN =
  /^npm_config_(include|omit|production|dev|only|global|location|prefix|local_prefix|workspaces?|dry_run|package_lock(_only)?)$/i;

/** All that decides what npm installs. */
export interface NodeManifests {
  /** Name to text: `package.json`, the lock file, `.npmrc`. */
  readonly files: ReadonlyMap<string, string>;
  readonly isLocked: boolean;
  readonly local: LocalPackages;
  /** The same words install the same. */
  readonly words: readonly string[];
}

/** What a Node function's package.json wants installed; undefined when it names nothing. */
export async function readNodeManifests(
  folder: string,
  warn: (warning: string) => void,
): Promise<NodeManifests | undefined> {
  const manifest = await readPackageJson(folder);
  const wanted = { ...manifest?.dependencies, ...manifest?.optionalDependencies };
  if (Object.keys(wanted).length === 0) return undefined;
  const files = await readAll(folder, ["package.json", ...LOCK_FILES, ".npmrc"]);
  const isLocked = LOCK_FILES.some((name) => files.has(name));
  if (!isLocked) {
    for (const name of (await readAll(folder, FOREIGN_LOCK_FILES)).keys())
      warn(`${name} is not read: npm chooses the versions; a package-lock.json would fix them`);
  }
  const local = await localPackages(folder, wanted);
  return { files, isLocked, local, words: [local.digest, ...[...files].flat()] };
}

/** Installs what a Node function's package.json names, once for the same manifest; undefined when it names nothing. */
export async function nodeDependencies(
  folder: string,
  options: DependencyOptions,
  warn: (warning: string) => void,
): Promise<Dependencies | undefined> {
  const manifests = await readNodeManifests(folder, warn);
  if (!manifests) return undefined;
  const { files, isLocked, local } = manifests;
  const target = ["node", process.versions.modules, process.platform, process.arch];
  const key = cacheKey([...target, ...manifests.words]);
  return cached(key, "node_modules", options, async (temporary) => {
    const work = await copyLocalPackages(local, temporary);
    for (const [name, text] of files) await writeFile(join(work, name), text);
    await runInstaller({
      command: "npm",
      args: [...(isLocked ? ["ci"] : ["install", "--no-package-lock"]), "--omit=dev", "--install-links", ...QUIET],
      cwd: work,
      env: installerEnvironment(),
      signal: options.signal,
      missing: '"npm" is not on the PATH; it comes with Node',
    });
    await resolveLinks(join(work, "node_modules"));
    // It may hold a token.
    await rm(join(work, ".npmrc"), { force: true });
    if (work !== temporary) await rename(join(work, "node_modules"), join(temporary, "node_modules")).catch(ifMissing);
  });
}

/** Install scripts build for the Node that is first on the PATH: ours, which the cache's key names. */
function installerEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !OF_ANOTHER_RUN.test(name));
  return { ...Object.fromEntries(kept), PATH: [dirname(process.execPath), process.env.PATH].join(delimiter) };
}

async function readAll(folder: string, names: readonly string[]): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for (const name of names) {
    const text = await readTextIfThere(join(folder, name));
    if (text !== undefined) texts.set(name, text);
  }
  return texts;
}

function ifMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}
