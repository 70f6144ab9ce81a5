import { rename, rm, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { FaasError } from "@faas/core";
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
import { findWorkspace, readManifest, type Workspace } from "./workspace.ts";
import { lockOfPackage } from "./workspace-lock.ts";

const LOCK_FILES = ["npm-shrinkwrap.json", "package-lock.json"];
const FOREIGN_LOCK_FILES = ["pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb"];
const QUIET = ["--no-audit", "--no-fund", "--no-progress", "--loglevel=error"];

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

/** Files and local packages that determine what npm installs. */
export interface NodeManifests {
  /** Name to text: `package.json`, the lock file, `.npmrc`. */
  readonly files: ReadonlyMap<string, string>;
  readonly isLocked: boolean;
  readonly local: LocalPackages;
  /** Folder of the workspace, if it belongs to one. */
  readonly workspaceRoot?: string;
  /** Inputs of the installation: equal parts install equal dependencies. */
  readonly keyParts: readonly string[];
}

/**
 * Reads a Node function's package.json with its lock file, or with that of its workspace; undefined when it has no dependencies.
 *
 * @throws MANIFEST_INVALID, also for the lock file of another package manager
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
  files.set("package.json", `${JSON.stringify(manifest, null, 2)}\n`);
  if (workspace && !files.has(".npmrc"))
    for (const [name, text] of await readAll(workspace.root, [".npmrc"])) files.set(name, text);
  if (!LOCK_FILES.some((name) => files.has(name))) {
    const lock = await workspaceLock(folder, workspace, manifest);
    if (lock !== undefined) files.set("package-lock.json", lock);
  }
  const isLocked = LOCK_FILES.some((name) => files.has(name));
  const workspaceRoot = workspace === undefined ? {} : { workspaceRoot: workspace.root };
  return { files, isLocked, local, ...workspaceRoot, keyParts: [local.digest, ...[...files].sort().flat()] };
}

/** Returns the lock file from the workspace's, for a folder without one; undefined if nothing is locked. */
async function workspaceLock(
  folder: string,
  workspace: Workspace | undefined,
  manifest: Readonly<Record<string, unknown>>,
): Promise<string | undefined> {
  await rejectForeignLock(folder, folder);
  if (!workspace) return undefined;
  const [[, text] = []] = await readAll(workspace.root, LOCK_FILES);
  if (text === undefined) {
    await rejectForeignLock(workspace.root, folder);
    return undefined;
  }
  const path = join(workspace.root, "package-lock.json");
  try {
    const lock = lockOfPackage({ text, root: workspace.root, folder, manifest });
    if (lock !== undefined) return lock;
  } catch (cause) {
    throw new FaasError("MANIFEST_INVALID", `${path}: ${(cause as Error).message}`, { cause });
  }
  throw new FaasError("MANIFEST_INVALID", `${path} does not list ${folder}: run "npm install" in ${workspace.root}`);
}

/** Rejects the lock file of another package manager, unless a `.faasignore` of the function lists it. */
async function rejectForeignLock(from: string, folder: string): Promise<void> {
  const ignored = (await readOptionalText(join(folder, ".faasignore"))) ?? "";
  for (const name of (await readAll(from, FOREIGN_LOCK_FILES)).keys()) {
    if (ignored.split("\n").some((line) => line.trim() === name)) continue;
    throw new FaasError(
      "MANIFEST_INVALID",
      `${join(from, name)} cannot be used, because faas installs with npm. Run "npm install --package-lock-only" to pin versions in a package-lock.json, or add ${name} to ${join(folder, ".faasignore")} to deploy with the newest versions that package.json allows`,
    );
  }
}

/** Installs the dependencies in a Node function's package.json, once per manifest; undefined when there are none. */
export async function nodeDependencies(folder: string, options: DependencyOptions): Promise<Dependencies | undefined> {
  const manifests = await readNodeManifests(folder);
  if (!manifests) return undefined;
  const { files, isLocked, local, workspaceRoot } = manifests;
  const ofWorkspace = workspaceRoot === undefined ? [] : ["package.json", ".npmrc", ...LOCK_FILES];
  for (const path of [...local.paths, ...ofWorkspace.map((name) => join(workspaceRoot ?? "", name))])
    options.onInput?.(path);
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
  return {
    ...Object.fromEntries(own),
    ...INSTALL_POLICY,
    PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
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
