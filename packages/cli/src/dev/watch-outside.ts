import { type FSWatcher, statSync, watch } from "node:fs";
import { basename, dirname, join, relative, sep } from "node:path";
import { watchFolder } from "./watch-folder.ts";

/** Folders that a copy of a local package does not contain. */
const IGNORED = /(?:^|\/)(?:node_modules|\.git|\.venv|__pycache__)(?:\/|$)/;
/** Time between two changes, as for the function's own folder. */
const QUIET_MS = 15;

export interface WatchOutsideOptions {
  readonly signal: AbortSignal;
  onChange(): void;
  onError(error: Error): void;
}

/** Watches files and folders outside of the function's folder that it uses: imported sources, local packages, extended configurations. */
export class OutsideWatcher {
  readonly #folder: string;
  readonly #options: WatchOutsideOptions;
  readonly #packages = new Set<string>();
  /** Names of watched files by folder. The folder is watched, because editors rename a new file over the old one. */
  readonly #files = new Map<string, { readonly names: Set<string>; readonly watcher: FSWatcher }>();
  #timer: NodeJS.Timeout | undefined;

  constructor(folder: string, options: WatchOutsideOptions) {
    this.#folder = folder;
    this.#options = options;
    options.signal.addEventListener("abort", () => this.#close(), { once: true });
  }

  /** Adds a path. Ignores those in the function's folder, and in installed packages. */
  add(path: string): void {
    const isOutside = relative(this.#folder, path).split(sep)[0] === "..";
    if (!isOutside || this.#options.signal.aborted || path.split(sep).includes("node_modules")) return;
    try {
      if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) this.#addPackage(path);
      else this.#addFile(path);
    } catch (error) {
      // A file of a folder that does not exist cannot appear unnoticed: the build names it.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") this.#options.onError(error as Error);
    }
  }

  #addPackage(path: string): void {
    if (this.#packages.has(path)) return;
    this.#packages.add(path);
    const { signal, onError } = this.#options;
    const ignored = (name: string) => IGNORED.test(name) || !relative(this.#folder, join(path, name)).startsWith("..");
    watchFolder(path, { signal, onError, ignored, onChange: () => this.#changed() }).catch(onError);
  }

  #addFile(path: string): void {
    const folder = dirname(path);
    const known = this.#files.get(folder);
    if (known) {
      known.names.add(basename(path));
      return;
    }
    const names = new Set([basename(path)]);
    const watcher = watch(folder, (_, name) => name !== null && names.has(name) && this.#changed());
    watcher.on("error", () => this.#files.delete(folder));
    this.#files.set(folder, { names, watcher });
  }

  #changed(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#options.onChange(), QUIET_MS);
  }

  #close(): void {
    clearTimeout(this.#timer);
    for (const { watcher } of this.#files.values()) watcher.close();
    this.#files.clear();
  }
}
