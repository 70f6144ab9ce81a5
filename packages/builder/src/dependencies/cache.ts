import { createHash, randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

/** Installed dependencies. */
export interface Dependencies {
  /** The folder that holds them. */
  readonly path: string;
  /** The name that the folder has in the bundle. */
  readonly name: "node_modules" | ".packages";
}

export interface DependencyOptions {
  /** Default `$FAAS_CACHE_DIR`, else `$XDG_CACHE_HOME/faas`, else `~/.cache/faas`. */
  readonly cacheDir?: string;
  /** Ends the build and what it started. */
  readonly signal?: AbortSignal;
}

/** A temporary folder of this age is of a build that was killed. */
const ABANDONED_MS = 24 * 3_600_000;

/**
 * Dependencies from the cache, or made by `install`, which is given an empty folder and leaves a folder called `name` in it.
 * A cached folder is whole or not there, also when two builds make it at once, or one is aborted.
 */
export async function cached(
  key: string,
  name: Dependencies["name"],
  { cacheDir = defaultCacheDir(), signal }: DependencyOptions,
  install: (folder: string) => Promise<void>,
): Promise<Dependencies> {
  const home = join(cacheDir, "dependencies");
  const final = join(home, key);
  const dependencies = { path: join(final, name), name };
  if (await isFolder(dependencies.path)) return dependencies;
  await removeAbandoned(home);
  const temporary = join(home, `.${key}-${randomBytes(4).toString("hex")}`);
  await mkdir(temporary, { recursive: true });
  try {
    await install(temporary);
    signal?.throwIfAborted();
    // Nothing may have been installed: all was optional, or for another system.
    await mkdir(join(temporary, name), { recursive: true });
    await rename(temporary, final).catch(async (error) => {
      // Another build was first, with the same.
      if (!(await isFolder(dependencies.path))) throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return dependencies;
}

/** A name for what was installed from these words, the same for the same words. */
export function cacheKey(words: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(words)).digest("hex").slice(0, 32);
}

function defaultCacheDir(): string {
  // An empty variable counts as none (XDG Base Directory Specification).
  const { FAAS_CACHE_DIR, XDG_CACHE_HOME } = process.env;
  return FAAS_CACHE_DIR || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "faas");
}

async function removeAbandoned(home: string): Promise<void> {
  const names = await readdir(home).catch(() => []);
  for (const name of names.filter((each) => each.startsWith("."))) {
    const path = join(home, name);
    const { mtimeMs = Date.now() } = (await stat(path).catch(() => undefined)) ?? {};
    if (Date.now() - mtimeMs > ABANDONED_MS) await rm(path, { recursive: true, force: true });
  }
}

export const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
