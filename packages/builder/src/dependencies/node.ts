import { rename, rm, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { readOptionalText, readPackageJson } from "../source/manifest.ts";
import { cachedDependencies, cacheKey, type Dependencies, type DependencyOptions } from "./cache.ts";
import { runInstaller } from "./installer.ts";
import { copyLocalPackages, findLocalPackages, type LocalPackages, resolveLinks } from "./local-packages.ts";

const LOCK_FILES = ["npm-shrinkwrap.json", "package-lock.json"];
const FOREIGN_LOCK_FILES = ["yarn.lock", "pnpm-lock.yaml", "bun.lock"];
const QUIET = ["--no-audit", "--no-fund", "--no-progress", "--loglevel=error"];

/** Variables that npm sets for its children, for example when it started faas. They would change what an installation installs, or where. */
const INHERITED_SETTINGS =
  /^npm_config_(include|omit|production|dev|only|global|location|prefix|local_prefix|workspaces?|dry_run|package_lock(_only)?)$/i;

/** Files and local packages that determine what npm installs. */
export interface NodeManifests {
  /** Name to text: `package.json`, the lock file, `.npmrc`. */
  readonly files: ReadonlyMap<string, string>;
  readonly isLocked: boolean;
  readonly local: LocalPackages;
  /** Inputs of the installation: equal parts install equal dependencies. */
  readonly keyParts: readonly string[];
}

/** Reads a Node function's package.json with its lock file; undefined when it has no dependencies. */
export async function readNodeManifests(
  folder: string,
  warn: (warning: string) => void,
): Promise<NodeManifests | undefined> {
  const manifest = await readPackageJson(folder);
  const dependencies = { ...manifest?.dependencies, ...manifest?.optionalDependencies };
  if (Object.keys(dependencies).length === 0) return undefined;
  const files = await readAll(folder, ["package.json", ...LOCK_FILES, ".npmrc"]);
  const isLocked = LOCK_FILES.some((name) => files.has(name));
  if (!isLocked) {
    for (const name of (await readAll(folder, FOREIGN_LOCK_FILES)).keys())
      warn(`${name} is ignored: npm chooses the versions. Add a package-lock.json to pin them`);
  }
  const local = await findLocalPackages(folder, dependencies);
  return { files, isLocked, local, keyParts: [local.digest, ...[...files].flat()] };
}

/** Installs the dependencies in a Node function's package.json, once per manifest; undefined when there are none. */
export async function nodeDependencies(
  folder: string,
  options: DependencyOptions,
  warn: (warning: string) => void,
): Promise<Dependencies | undefined> {
  const manifests = await readNodeManifests(folder, warn);
  if (!manifests) return undefined;
  const { files, isLocked, local } = manifests;
  const target = ["node", process.versions.modules, process.platform, process.arch];
  const key = cacheKey([...target, ...manifests.keyParts]);
  return cachedDependencies(key, "node_modules", options, async (temporary) => {
    const work = await copyLocalPackages(local, temporary);
    for (const [name, text] of files) await writeFile(join(work, name), text);
    await runInstaller({
      command: "npm",
      args: [...(isLocked ? ["ci"] : ["install", "--no-package-lock"]), "--omit=dev", "--install-links", ...QUIET],
      cwd: work,
      env: installerEnvironment(),
      signal: options.signal,
      missing: '"npm" is not on the PATH. It is part of Node',
    });
    await resolveLinks(join(work, "node_modules"));
    // It may contain a token.
    await rm(join(work, ".npmrc"), { force: true });
    if (work !== temporary) await rename(join(work, "node_modules"), join(temporary, "node_modules")).catch(ifMissing);
  });
}

/** Puts this process's Node first on the PATH: install scripts build for the first one, and the cache key names this one. */
function installerEnvironment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !INHERITED_SETTINGS.test(name));
  return { ...Object.fromEntries(own), PATH: [dirname(process.execPath), process.env.PATH].join(delimiter) };
}

async function readAll(folder: string, names: readonly string[]): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for (const name of names) {
    const text = await readOptionalText(join(folder, name));
    if (text !== undefined) texts.set(name, text);
  }
  return texts;
}

function ifMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}
