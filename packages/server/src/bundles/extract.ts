import { type FileHandle, mkdir, open, realpath, symlink } from "node:fs/promises";
import { dirname, join, normalize, relative } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { FaasError } from "@faas/core";
import { type Extract, extract } from "tar-stream";
import { syncFolder } from "../state/fsync.ts";

type Entry = Extract extends AsyncIterable<infer E> ? E : never;

/** Files that are flushed to disk at the same time: together they cost little more than one. */
const MAX_CONCURRENT_SYNCS = 8;

/**
 * Unpacks a bundle into an empty folder; all of it is on disk when it resolves. Accepts files, folders and symbolic links that stay inside.
 *
 * @throws BUNDLE_INVALID with the name of any other entry
 */
export async function extractBundle(tar: Readable, folder: string): Promise<void> {
  const unpack = extract();
  const unpacking = new Unpacking(folder);
  const feeding = pipeline(tar, unpack);
  // The loop below throws its error too.
  feeding.catch(() => {});
  try {
    for await (const entry of unpack) await unpacking.take(entry);
    await feeding;
    await unpacking.checkLinks();
  } finally {
    await unpacking.synced();
  }
  await unpacking.syncFolders();
}

/** Bundle that is being unpacked. */
class Unpacking {
  readonly #root: string;
  readonly #names = new Set<string>();
  readonly #folders = new Set<string>();
  readonly #links = new Map<string, string>();
  readonly #syncs = new Set<Promise<void>>();
  #syncFailure: { error: unknown } | undefined;

  constructor(root: string) {
    this.#root = root;
    this.#folders.add(root);
  }

  async take(entry: Entry): Promise<void> {
    const { name, type, linkname } = entry.header;
    const inside = checkName(name);
    if (this.#names.has(inside)) throw invalid(name, "the name occurs twice");
    for (const parent of parents(inside))
      if (this.#links.has(parent)) throw invalid(name, "it is behind a symbolic link");
    this.#names.add(inside);
    const target = join(this.#root, inside);
    if (type === "file") return this.#file(entry, target);
    if (type === "directory") await this.#folder(target);
    else if (type === "symlink") await this.#link(name, inside, linkname ?? "");
    else throw invalid(name, `it is a ${type}`);
    entry.resume();
  }

  /** Checks links that go up after a name, and so may go through another link: their targets are known only when every link exists. */
  async checkLinks(): Promise<void> {
    const root = await realpath(this.#root);
    for (const [inside, linkname] of this.#links) {
      const steps = linkname.split("/");
      const down = steps.findIndex((step) => step !== "." && step !== "..");
      if (down < 0 || !steps.includes("..", down)) continue;
      const target = await realpath(join(root, inside)).catch(() => undefined);
      if (target === undefined || isOutside(relative(root, target)))
        throw invalid(inside, `it is a link to "${linkname}", which is outside or missing`);
    }
  }

  /** Resolves when every file so far is on disk; rejects when one could not be written. */
  async synced(): Promise<void> {
    await Promise.all(this.#syncs);
    if (this.#syncFailure) throw this.#syncFailure.error;
  }

  async syncFolders(): Promise<void> {
    for (const folder of this.#folders) await syncFolder(folder);
  }

  async #file(entry: Entry, target: string): Promise<void> {
    await this.#folder(dirname(target));
    const handle = await open(target, "wx", (entry.header.mode ?? 0) & 0o111 ? 0o755 : 0o644);
    try {
      await handle.writeFile(entry as AsyncIterable<Buffer>);
    } catch (error) {
      await handle.close();
      throw error;
    }
    // In the background, while the next files are unpacked.
    const sync: Promise<void> = this.#sync(handle).finally(() => this.#syncs.delete(sync));
    this.#syncs.add(sync);
    if (this.#syncs.size >= MAX_CONCURRENT_SYNCS) await Promise.race(this.#syncs);
  }

  async #sync(handle: FileHandle): Promise<void> {
    try {
      await handle.sync().finally(() => handle.close());
    } catch (error) {
      this.#syncFailure ??= { error };
    }
  }

  async #folder(target: string): Promise<void> {
    await mkdir(target, { recursive: true });
    for (let folder = target; !this.#folders.has(folder); folder = dirname(folder)) this.#folders.add(folder);
  }

  async #link(name: string, inside: string, linkname: string): Promise<void> {
    const target = join(this.#root, inside);
    if (!linkname || linkname.startsWith("/") || isOutside(relative(this.#root, join(dirname(target), linkname))))
      throw invalid(name, `it is a link to "${linkname}", which is outside`);
    this.#links.set(inside, linkname);
    await this.#folder(dirname(target));
    await symlink(linkname, target);
  }
}

function checkName(name: string): string {
  const clean = normalize(name).replace(/\/$/, "");
  if (name.startsWith("/") || name.includes("\0")) throw invalid(name, "its name is absolute");
  if (clean === ".." || clean.startsWith("../") || name.split("/").includes(".."))
    throw invalid(name, "its name leads out of the bundle");
  return clean;
}

const isOutside = (path: string): boolean => path === ".." || path.startsWith("../");

function* parents(name: string): Iterable<string> {
  for (let parent = dirname(name); parent !== "."; parent = dirname(parent)) yield parent;
}

function invalid(name: string, why: string): FaasError {
  return new FaasError("BUNDLE_INVALID", `Invalid bundle entry "${name.slice(0, 200)}": ${why}`);
}
