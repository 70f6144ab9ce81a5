import { type FSWatcher, watch } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

/** Time between two changes. A save is several events, because editors write a temporary file and rename it. */
const QUIET_MS = 15;

export interface WatchOptions {
  /** Returns true for a path below the folder, with `/` between its parts, that does not matter. Ignored folders are not searched. */
  ignored(path: string, isFolder: boolean): boolean;
  /** Receives the paths, relative to the folder, that were saved, created, renamed or removed since the last call. */
  onChange(paths: ReadonlySet<string>): void;
  /** Receives the error when a new folder cannot be watched, for example because the system has no more watchers. */
  onError(error: Error): void;
  readonly signal: AbortSignal;
}

/** Watches a folder and all folders in it until the signal aborts; resolves when every later change is seen. */
export async function watchFolder(root: string, options: WatchOptions): Promise<void> {
  const tree = new WatchedTree(root, options);
  options.signal.addEventListener("abort", () => tree.close(), { once: true });
  await tree.add("", false);
}

/** Watchers of a folder tree, one per folder. On Linux `fs.watch` with `recursive` makes one per file, also in node_modules. */
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

  /** Watches a folder and the folders in it. With `isNew` its files count as changed: they may be older than the watcher. */
  async add(folder: string, isNew: boolean): Promise<void> {
    if (this.#options.signal.aborted || this.#watchers.has(folder)) return;
    try {
      const watcher = watch(join(this.#root, folder), (event, name) => {
        if (name !== null) this.#handleEvent(event, pathIn(folder, name)).catch(this.#options.onError);
      });
      // The folder was removed; the watcher of its parent reports that.
      watcher.on("error", () => this.#unwatch(folder));
      this.#watchers.set(folder, watcher);
      for (const entry of await readdir(join(this.#root, folder), { withFileTypes: true })) {
        const path = pathIn(folder, entry.name);
        if (this.#options.ignored(path, entry.isDirectory())) continue;
        if (entry.isDirectory()) await this.add(path, isNew);
        else if (isNew) this.#addChange(path);
      }
    } catch (error) {
      this.#unwatch(folder);
      // A folder that was removed meanwhile, or is not readable, has nothing to watch.
      const { code = "" } = error as NodeJS.ErrnoException;
      if (folder === "" || !["ENOENT", "ENOTDIR", "EACCES"].includes(code)) throw error;
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  async #handleEvent(event: string, path: string): Promise<void> {
    const entry = await lstat(join(this.#root, path)).catch(() => undefined);
    const isFolder = entry?.isDirectory() ?? this.#watchers.has(path);
    if (this.#options.signal.aborted || this.#options.ignored(path, isFolder)) return;
    // Times and permissions of a folder do not matter. A renamed folder is not the one that was watched under its path.
    if (isFolder && event !== "rename") return;
    if (isFolder) this.#unwatch(path);
    if (entry?.isDirectory()) await this.add(path, true);
    this.#addChange(path);
  }

  #unwatch(folder: string): void {
    for (const [path, watcher] of this.#watchers) {
      if (path !== folder && !path.startsWith(`${folder}/`)) continue;
      watcher.close();
      this.#watchers.delete(path);
    }
  }

  #addChange(path: string): void {
    this.#changed.add(path);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const paths = new Set(this.#changed);
      this.#changed.clear();
      this.#options.onChange(paths);
    }, QUIET_MS);
  }
}

const pathIn = (folder: string, name: string): string => (folder === "" ? name : `${folder}/${name}`);
