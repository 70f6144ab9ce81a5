import { type FSWatcher, watch } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

export interface WatchOptions {
  /** Whether a path below the folder (with `/` between its parts) does not matter. An ignored folder is not looked into. */
  ignored(path: string, isFolder: boolean): boolean;
  /** Gets the paths, relative to the folder, that were saved, made, renamed or removed since the last time. */
  onChange(paths: ReadonlySet<string>): void;
  /** A folder that came later cannot be watched: the system has no more watchers, for instance. */
  onError(error: Error): void;
  /** A save is several events (an editor writes a temporary file and renames it): those less apart than this are one change. */
  readonly quietMs?: number;
  readonly signal: AbortSignal;
}

/** Watches a folder and all folders in it until the signal aborts; resolves when it sees every change from then on. */
export async function watchFolder(root: string, options: WatchOptions): Promise<void> {
  const tree = new WatchedTree(root, options);
  options.signal.addEventListener("abort", () => tree.close(), { once: true });
  await tree.add("", false);
}

/** One watcher per folder, none per file: `fs.watch` with `recursive` makes one for every file, node_modules too, on Linux. */
class WatchedTree {
  readonly #root: string;
  readonly #options: WatchOptions;
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #changed = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(root: string, options: WatchOptions) {
    this.#root = root;
    this.#options = options;
  }

  /** Watches a folder and those in it. `isNew`: what is in it may have come before there was a watcher, so it counts as changed. */
  async add(folder: string, isNew: boolean): Promise<void> {
    if (this.#options.signal.aborted || this.#watchers.has(folder)) return;
    try {
      const watcher = watch(join(this.#root, folder), (event, name) => {
        if (name !== null) this.#saw(event, within(folder, name)).catch(this.#options.onError);
      });
      // A folder that is removed; the watcher of the one above tells of it.
      watcher.on("error", () => this.#forget(folder));
      this.#watchers.set(folder, watcher);
      for (const entry of await readdir(join(this.#root, folder), { withFileTypes: true })) {
        const path = within(folder, entry.name);
        if (this.#options.ignored(path, entry.isDirectory())) continue;
        if (entry.isDirectory()) await this.add(path, isNew);
        else if (isNew) this.#note(path);
      }
    } catch (error) {
      this.#forget(folder);
      // One that is gone again before it could be looked at, or may not be read, has nothing to watch.
      const { code = "" } = error as NodeJS.ErrnoException;
      if (folder === "" || !["ENOENT", "ENOTDIR", "EACCES"].includes(code)) throw error;
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  async #saw(event: string, path: string): Promise<void> {
    const entry = await lstat(join(this.#root, path)).catch(() => undefined);
    const isFolder = entry?.isDirectory() ?? this.#watchers.has(path);
    if (this.#options.signal.aborted || this.#options.ignored(path, isFolder)) return;
    // A folder's own times and rights do not matter; one that was moved here is another one than was watched.
    if (isFolder && event !== "rename") return;
    if (isFolder) this.#forget(path);
    if (entry?.isDirectory()) await this.add(path, true);
    this.#note(path);
  }

  #forget(folder: string): void {
    for (const [path, watcher] of this.#watchers) {
      if (path !== folder && !path.startsWith(`${folder}/`)) continue;
      watcher.close();
      this.#watchers.delete(path);
    }
  }

  #note(path: string): void {
    this.#changed.add(path);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const paths = new Set(this.#changed);
      this.#changed.clear();
      this.#options.onChange(paths);
    }, this.#options.quietMs ?? 15);
  }
}

const within = (folder: string, name: string): string => (folder === "" ? name : `${folder}/${name}`);
