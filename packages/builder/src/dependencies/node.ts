import { rename, rm, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { FaasError } from "@faas/core";
import type { Environment } from "../docker/config.ts";
import { readOptionalText, readPackageJson } from "../source/manifest.ts";
import { cachedDependencies, cacheKey, type Dependencies, type DependencyOptions } from "./cache.ts";
import { functionManifest, localManifest } from "./install-manifest.ts";
import { runInstaller } from "./installer.ts";
import {
  copyLocalPackages,
  dependenciesOf,
  findLocalPackages,
  type LocalPackages,
  resolveLinks,
} from "./local-packages.ts";
import { convertLock, PRUNE_PROGRAM, PRUNE_TEXT } from "./node-locks/convert.ts";
import type { NpmLock } from "./node-locks/npm-lock.ts";
import { findWorkspace, readManifest, type Workspace } from "./workspace.ts";
import { lockOfPackage } from "./workspace-lock.ts";

export const LOCK_FILES = ["npm-shrinkwrap.json", "package-lock.json"];
/** Options of npm for little output. */
export const QUIET = ["--no-audit", "--no-fund", "--no-progress", "--loglevel=error"];

/** Variables that npm sets for its children, for example when it started faas. They would change what an installation installs, or where. */
const INHERITED_SETTINGS =
  /^npm_config_(include|omit|production|dev|only|global|location|prefix|local_prefix|workspaces?|dry_run|package_lock(_only)?)$/i;

/**
 * Makes npm 10, 11 and 12 alike: install scripts of dependencies run, and dependencies may be folders, archives and repositories. npm 12 would
 * need approvals, which are for a developer's machine. `ignore-scripts` in `.npmrc` still applies. The Node template has the same.
 */
const INSTALL_POLICY = {
  npm_config_dangerously_allow_all_scripts: "true",
  npm_config_allow_directory: "all",
  npm_config_allow_file: "all",
  npm_config_allow_git: "all",
  npm_config_allow_remote: "all",
};

/** Message for a machine without npm. */
export const NPM_MISSING = '"npm" is not on the PATH. It is part of Node';

/** Files and local packages that determine what npm installs. */
export interface NodeManifests {
  /** Name to text: `package.json`, the lock file, `.npmrc`. */
  readonly files: ReadonlyMap<string, string>;
  readonly isLocked: boolean;
  /** True if the lock file comes from another package manager's. */
  readonly isConverted: boolean;
  readonly local: LocalPackages;
  /** Folder of the workspace, if it belongs to one. */
  readonly workspaceRoot?: string;
  /** Inputs of the installation: equal parts install equal dependencies. */
  readonly keyParts: readonly string[];
}

/**
 * Reads a Node function's package.json with its lock file, or with that of its workspace; undefined when it has no dependencies.
 *
 * @throws MANIFEST_INVALID, also for a lock file that is out of date
 */
export async function readNodeManifests(folder: string): Promise<NodeManifests | undefined> {
  // Checks the fields.
  await readPackageJson(folder);
  const own = await readManifest(folder);
  if (!own || Object.keys(dependenciesOf(own)).length === 0) return undefined;
  const workspace = await findWorkspace(folder);
  const manifest = functionManifest(own, folder, workspace);
  const local = await findLocalPackages(folder, dependenciesOf(manifest), (each, path) =>
    localManifest(each, path, workspace),
  );
  const files = new Map(await readAll(folder, [...LOCK_FILES, ".npmrc"]));
  if (workspace && !files.has(".npmrc"))
    for (const [name, text] of await readAll(workspace.root, [".npmrc"])) files.set(name, text);
  const lock = LOCK_FILES.some((name) => files.has(name)) ? undefined : await otherLock(folder, workspace, manifest);
  if (lock) files.set("package-lock.json", lock.text);
  const isConverted = lock?.manifest !== undefined;
  if (isConverted) files.set(PRUNE_PROGRAM, PRUNE_TEXT);
  files.set("package.json", `${JSON.stringify(lock?.manifest ?? manifest, null, 2)}\n`);
  const isLocked = LOCK_FILES.some((name) => files.has(name));
  const workspaceRoot = workspace === undefined ? {} : { workspaceRoot: workspace.root };
  const keyParts = [local.digest, ...[...files].sort().flat()];
  return { files, isLocked, isConverted, local, ...workspaceRoot, keyParts };
}

/** Returns the lock file of another package manager, or of the workspace; undefined if nothing is locked. */
async function otherLock(
  folder: string,
  workspace: Workspace | undefined,
  manifest: Readonly<Record<string, unknown>>,
): Promise<(Partial<NpmLock> & Pick<NpmLock, "text">) | undefined> {
  const own = await convertLock(folder, folder, manifest);
  if (own || !workspace) return own;
  const [[, text] = []] = await readAll(workspace.root, LOCK_FILES);
  if (text === undefined) return convertLock(workspace.root, folder, manifest);
  const path = join(workspace.root, "package-lock.json");
  try {
    const lock = lockOfPackage({ text, root: workspace.root, folder, manifest });
    if (lock !== undefined) return { text: lock };
  } catch (cause) {
    throw new FaasError("MANIFEST_INVALID", `${path}: ${(cause as Error).message}`, { cause });
  }
  throw new FaasError("MANIFEST_INVALID", `${path} does not list ${folder}: run "npm install" in ${workspace.root}`);
}

/** Installs the dependencies in a Node function's package.json, once per manifest; undefined when there are none. */
export async function nodeDependencies(folder: string, options: DependencyOptions): Promise<Dependencies | undefined> {
  const manifests = await readNodeManifests(folder);
  if (!manifests) return undefined;
  const { files, local, workspaceRoot } = manifests;
  const ofWorkspace = workspaceRoot === undefined ? [] : ["package.json", ".npmrc", ...LOCK_FILES];
  for (const path of [...local.paths, ...ofWorkspace.map((name) => join(workspaceRoot ?? "", name))])
    options.onInput?.(path);
  const target = ["node", process.versions.modules, process.platform, process.arch];
  const key = cacheKey([...target, ...manifests.keyParts]);
  return cachedDependencies(key, "node_modules", options, async (temporary) => {
    const work = await copyLocalPackages(local, temporary);
    for (const [name, text] of files) await writeFile(join(work, name), text);
    await installModules(work, manifests, options.signal);
    await resolveLinks(join(work, "node_modules"));
    // It may contain a token.
    await rm(join(work, ".npmrc"), { force: true });
    if (work !== temporary) await rename(join(work, "node_modules"), join(temporary, "node_modules")).catch(ifMissing);
  });
}

/** Runs npm. The lock file of another package manager does not say which packages have scripts: they run at the end, when all manifests are there. */
async function installModules(
  work: string,
  { isLocked, isConverted }: NodeManifests,
  signal: AbortSignal | undefined,
): Promise<void> {
  const run = (command: string, args: readonly string[]) =>
    runInstaller({
      command,
      args,
      cwd: work,
      env: installerEnvironment(process.env),
      signal,
      missing: NPM_MISSING,
    });
  const install = isLocked ? ["ci"] : ["install", "--no-package-lock"];
  const scripts = isConverted ? ["--ignore-scripts"] : [];
  await run("npm", [...install, ...scripts, "--omit=dev", "--install-links", ...QUIET]);
  if (!isConverted) return;
  await run(process.execPath, [PRUNE_PROGRAM]);
  await run("npm", ["rebuild", ...QUIET]);
}

/**
 * Creates npm's environment. It puts this process's Node first on the PATH: install scripts build for the first one, and the cache key names this
 * one.
 */
export function installerEnvironment(env: Environment): NodeJS.ProcessEnv {
  const own = Object.entries(env).filter(([name]) => !INHERITED_SETTINGS.test(name));
  return {
    ...Object.fromEntries(own),
    ...INSTALL_POLICY,
    PATH: [dirname(process.execPath), env.PATH].join(delimiter),
  };
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
