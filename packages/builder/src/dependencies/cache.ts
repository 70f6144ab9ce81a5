import { createHash, randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { FindOrCreate } from "./find-or-create.ts";

/** Installed dependencies. */
export interface Dependencies {
  /** Folder that contains them. */
  readonly path: string;
  /** Name of the folder in the bundle. */
  readonly name: "node_modules" | ".packages";
}

export interface DependencyOptions {
  /** @defaultValue `$FAAS_CACHE_DIR`, else `$XDG_CACHE_HOME/faas`, else `~/.cache/faas` */
  readonly cacheDir?: string;
  /** Stops the build and the processes that it started. */
  readonly signal?: AbortSignal;
  /** Called for files and folders that the result depends on, some of them outside of the function's folder, also if the build fails later. */
  readonly onInput?: (path: string) => void;
}

/** Age from which a temporary folder must belong to a killed build. */
const ABANDONED_MS = 24 * 3_600_000;

/** Installations of this process, by the folder that they create. */
const installations = new FindOrCreate<Dependencies>();

/**
 * Returns dependencies from the cache, or calls `install` with an empty folder, in which it creates a folder called `name`.
 * A cached folder is complete or missing, even if two builds create it at the same time or one is aborted.
 */
export async function cachedDependencies(
  key: string,
  name: Dependencies["name"],
  { cacheDir = defaultCacheDir(), signal }: DependencyOptions,
  install: (folder: string) => Promise<void>,
): Promise<Dependencies> {
  const target = join(dependenciesFolder(cacheDir), key);
  const dependencies = { path: join(target, name), name };
  return installations.run(
    target,
    async () => ((await isFolder(dependencies.path)) ? dependencies : undefined),
    async () => {
      await createDependencies(dependencies, target, signal, install);
      return dependencies;
    },
    signal,
  );
}

async function createDependencies(
  { path, name }: Dependencies,
  target: string,
  signal: AbortSignal | undefined,
  install: (folder: string) => Promise<void>,
): Promise<void> {
  const root = dirname(target);
  await removeAbandoned(root);
  const temporary = join(root, `.${basename(target)}-${randomBytes(4).toString("hex")}`);
  await mkdir(temporary, { recursive: true });
  try {
    await install(temporary);
    signal?.throwIfAborted();
    // The installer creates no folder if all dependencies are optional or for another system.
    await mkdir(join(temporary, name), { recursive: true });
    await rename(temporary, target).catch(async (error) => {
      // Another build installed the same dependencies first.
      if (!(await isFolder(path))) throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Hashes the inputs of an installation. */
export function cacheKey(parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
}

/** Returns the folder of all cached dependencies. */
export const dependenciesFolder = (cacheDir = defaultCacheDir()): string => join(cacheDir, "dependencies");

/** Returns the folder of everything that builds keep. */
export function defaultCacheDir(env: Readonly<Record<string, string | undefined>> = process.env): string {
  // An empty variable counts as unset (XDG Base Directory Specification).
  const { FAAS_CACHE_DIR, XDG_CACHE_HOME, HOME } = env;
  return FAAS_CACHE_DIR || join(XDG_CACHE_HOME || join(HOME || homedir(), ".cache"), "faas");
}

async function removeAbandoned(root: string): Promise<void> {
  const names = await readdir(root).catch(() => []);
  for (const name of names.filter((each) => each.startsWith("."))) {
    const path = join(root, name);
    const { mtimeMs = Date.now() } = (await stat(path).catch(() => undefined)) ?? {};
    if (Date.now() - mtimeMs > ABANDONED_MS) await rm(path, { recursive: true, force: true });
  }
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
