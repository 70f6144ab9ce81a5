import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { EndpointSpec } from "@faas/core";
import { linkBundle, linkSmallBundle } from "./link-bundle.ts";

/** Files that are linked while a request waits. A larger bundle is linked in the background, for a later request. */
const MAX_FILES_LINKED_SYNC = 100;

/** Folders of a sandboxed prewarmed process, created before its function is known. */
export interface Slot {
  /** Folder that contains the others. */
  readonly root: string;
  /** Folder that the process may read, for the code. */
  readonly folder: string;
  /** Folder that the process may write to, for compiled code. */
  readonly writable: string;
  /** Folder that the process sees as `visibleAt`. */
  readonly used: string;
  readonly visibleAt: string;
}

/** A function's code in the slot of a process. */
export interface ClaimedCode {
  readonly code: string;
  readonly cache: string;
  /** Returns the copy to the store, when the process has ended. */
  release(): void;
}

/** Copies of one function's code. */
interface Copies {
  /** Numbers of the copies that no process uses. */
  readonly free: number[];
  /** Number of the next copy. */
  next: number;
  isLinking: boolean;
}

/**
 * Brings code to processes that were sandboxed before their function was known. Such a process may read only its slot, so a copy of the code is moved into
 * the slot. A copy consists of hard links to the bundle's files and of the runtime's compile cache; it is stored for the next process when its process ends.
 * The slot with the code is always moved to the same path, because runtimes key their compile caches by path. A process with mounts sees a folder of its own
 * at that path, with nothing but its code.
 */
export class CodeSlots {
  readonly #slotsFolder: string;
  readonly #usedFolder: string;
  readonly #storeFolder: string;
  readonly #hasMounts: boolean;
  readonly #copies = new Map<string, Copies>();

  /**
   * Takes over the copies that a previous server left in the data folder.
   *
   * @param hasMounts true if each process has mounts of its own
   */
  constructor(dataDir: string, hasMounts: boolean) {
    this.#hasMounts = hasMounts;
    this.#slotsFolder = join(dataDir, "slots");
    this.#usedFolder = join(dataDir, "live");
    this.#storeFolder = join(dataDir, "code");
    for (const folder of [this.#slotsFolder, this.#usedFolder, this.#storeFolder])
      mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(this.#usedFolder)) this.#moveToStore(join(this.#usedFolder, name), name);
    for (const name of readdirSync(this.#slotsFolder)) this.#recoverSlot(this.#slotOf(name));
    for (const name of readdirSync(this.#storeFolder)) {
      const [, key = "", number] = /^(.+)\.(\d+)$/.exec(name) ?? [];
      if (number === undefined) removeFolder(join(this.#storeFolder, name));
      else this.#copiesOf(key).free.push(Number(number));
    }
    for (const copies of this.#copies.values()) copies.next = Math.max(...copies.free) + 1;
  }

  createSlot(name: string): Slot {
    const slot = this.#slotOf(name);
    for (const folder of [slot.folder, slot.writable, slot.used]) mkdirSync(folder, { recursive: true, mode: 0o700 });
    return slot;
  }

  /** Checks whether a copy of the code is available. If not, links a small bundle at once, and a large one in the background, for the next time. */
  prepare(spec: EndpointSpec, bundle: string): boolean {
    const key = codeKey(spec);
    const copies = this.#copiesOf(key);
    try {
      return copies.free.length > 0 || this.#link(copies, key, bundle);
    } catch {
      return false; // The bundle is on another disk, or the disk is full.
    }
  }

  /** Moves a copy of the code into the slot, and the slot to the code's path. Returns undefined if that fails, which makes the slot unusable. */
  claim(spec: EndpointSpec, slot: Slot): ClaimedCode | undefined {
    const key = codeKey(spec);
    const copies = this.#copiesOf(key);
    const number = copies.free.shift();
    if (number === undefined) return undefined;
    try {
      const name = `${key}.${number}`;
      const stored = join(this.#storeFolder, name);
      renameSync(join(stored, "code"), join(slot.folder, "code"));
      const cache = join(slot.writable, "cache");
      moveIfPresent(join(stored, "cache"), cache);
      const folder = join(slot.used, name);
      renameSync(slot.folder, folder);
      return {
        code: join(slot.visibleAt, name, "code"),
        cache,
        release: () => {
          this.#moveToStore(folder, name, cache);
          removeFolder(slot.root);
          if (this.#copies.get(key) === copies) copies.free.unshift(number);
          else removeFolder(stored);
        },
      };
    } catch {
      return undefined;
    }
  }

  removeSlot({ root }: Slot): void {
    removeFolder(root);
  }

  /** Removes the copies of code that is no longer deployed. */
  forget(spec: EndpointSpec): void {
    const key = codeKey(spec);
    const copies = this.#copies.get(key);
    this.#copies.delete(key);
    for (const number of copies?.free ?? []) {
      const removed = join(this.#storeFolder, `${key}.${number}.gone-${randomBytes(4).toString("hex")}`);
      moveIfPresent(join(this.#storeFolder, `${key}.${number}`), removed);
      rm(removed, { recursive: true, force: true }).catch(() => {});
    }
  }

  /** Removes the copies of bundles that no longer exist. */
  async collect(bundleExists: (digest: string) => Promise<boolean>): Promise<void> {
    for (const [key, { free, next }] of this.#copies) {
      const digest = `sha256:${key.slice(key.lastIndexOf(".") + 1)}`;
      if (free.length < next || (await bundleExists(digest))) continue;
      this.#copies.delete(key);
      const folders = free.map((number) => join(this.#storeFolder, `${key}.${number}`));
      await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
    }
  }

  /** Makes a copy of a bundle. Returns true if it is available at once, false if it is made in the background. */
  #link(copies: Copies, key: string, bundle: string): boolean {
    if (copies.isLinking) return false;
    const number = copies.next;
    const folder = join(this.#storeFolder, `${key}.${number}`);
    const add = () => {
      copies.next++;
      copies.free.push(number);
    };
    removeFolder(folder);
    mkdirSync(join(folder, "cache"), { recursive: true });
    if (linkSmallBundle(bundle, join(folder, "code"), { entries: MAX_FILES_LINKED_SYNC })) {
      add();
      return true;
    }
    removeFolder(folder);
    copies.isLinking = true;
    const temporary = join(this.#storeFolder, `${key}.making`);
    void linkBundle(bundle, join(temporary, "code"))
      .then(() => rename(temporary, folder))
      .then(() => (this.#copies.get(key) === copies ? add() : rm(folder, { recursive: true, force: true })))
      .catch(() => rm(temporary, { recursive: true, force: true }))
      .catch(() => {})
      .finally(() => {
        copies.isLinking = false;
      });
    return false;
  }

  #slotOf(name: string): Slot {
    const root = join(this.#slotsFolder, name);
    const visibleAt = this.#usedFolder;
    const used = this.#hasMounts ? join(root, "live") : visibleAt;
    return { root, folder: join(root, "r"), writable: join(root, "w"), used, visibleAt };
  }

  /** Stores the code of a process that a previous server left behind. */
  #recoverSlot({ root, used, writable }: Slot): void {
    for (const name of this.#hasMounts && existsSync(used) ? readdirSync(used) : [])
      this.#moveToStore(join(used, name), name, join(writable, "cache"));
    removeFolder(root);
  }

  #moveToStore(used: string, name: string, cache?: string): void {
    const stored = join(this.#storeFolder, name);
    mkdirSync(stored, { recursive: true });
    moveIfPresent(join(used, "code"), join(stored, "code"));
    if (cache) moveIfPresent(cache, join(stored, "cache"));
    removeFolder(used);
  }

  #copiesOf(key: string): Copies {
    let copies = this.#copies.get(key);
    if (!copies) {
      copies = { free: [], next: 0, isLinking: false };
      this.#copies.set(key, copies);
    }
    return copies;
  }
}

/** Returns a key for the code of an endpoint's revision. */
export const codeKey = ({ org, endpoint, artifact }: EndpointSpec): string =>
  `${org}.${endpoint}.${artifact.kind === "bundle" ? artifact.digest.slice("sha256:".length) : ""}`;

const removeFolder = (folder: string) => rmSync(folder, { recursive: true, force: true });

function moveIfPresent(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch {}
}
