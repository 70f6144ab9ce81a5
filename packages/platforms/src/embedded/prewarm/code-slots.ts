import { randomBytes } from "node:crypto";
import { linkSync, mkdirSync, readdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { link, mkdir, readdir, readlink, rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import type { EndpointSpec } from "@faas/core";

/** So many files are linked while a request waits; more, for the next one. */
const FILES_AT_ONCE = 100;

/** What a blank process can read, and in it what it can write: given to it before it is known whose function it will run. */
export interface Slot {
  readonly folder: string;
}

/** Where the code of a function is for one process. */
export interface CodePlace {
  readonly code: string;
  readonly cache: string;
  /** When the process is gone. */
  release(): void;
}

interface Kept {
  /** Numbers of those that wait on disk. */
  readonly free: number[];
  used: number;
  linking: boolean;
}

/**
 * Brings code to a process that was restricted before it had any: what it may read is a folder, its slot, and code is moved into that. The code is the bundle
 * once more, by links to the same files, and what a runtime has compiled of it; both are kept for the next process. The slot is moved to the same path each
 * time: caches of runtimes go by path.
 */
export class CodePlaces {
  readonly #slots: string;
  readonly #live: string;
  readonly #kept: string;
  readonly #known = new Map<string, Kept>();

  /** Takes over what a former server left behind. */
  constructor(dataDir: string) {
    this.#slots = join(dataDir, "slots");
    this.#live = join(dataDir, "live");
    this.#kept = join(dataDir, "code");
    for (const folder of [this.#slots, this.#live, this.#kept]) mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(this.#live)) this.#back(name);
    for (const name of readdirSync(this.#slots)) rmSync(join(this.#slots, name), { recursive: true, force: true });
    for (const name of readdirSync(this.#kept)) {
      const [, key = "", number] = /^(.+)\.(\d+)$/.exec(name) ?? [];
      if (number === undefined) rmSync(join(this.#kept, name), { recursive: true, force: true });
      else this.#of(key).free.push(Number(number));
    }
    for (const kept of this.#known.values()) kept.used = Math.max(...kept.free) + 1;
  }

  slot(name: string): Slot {
    const folder = join(this.#slots, name);
    mkdirSync(writableOf({ folder }), { recursive: true, mode: 0o700 });
    return { folder };
  }

  /** Whether there is code to take. A small bundle is linked for it now, a large one on the side, for the next time. */
  prepare(spec: EndpointSpec, bundle: string): boolean {
    const key = codeKey(spec);
    const kept = this.#of(key);
    try {
      return kept.free.length > 0 || this.#link(kept, key, bundle);
    } catch {
      return false; // A folder of another disk, or a disk that is full.
    }
  }

  /** Moves the code into the slot, and both to where they stay. Undefined when it could not: then the slot is spoiled. */
  take(spec: EndpointSpec, slot: Slot): CodePlace | undefined {
    const key = codeKey(spec);
    const kept = this.#of(key);
    const number = kept.free.shift();
    if (number === undefined) return undefined;
    try {
      const name = `${key}.${number}`;
      const from = join(this.#kept, name);
      renameSync(join(from, "code"), join(slot.folder, "code"));
      move(join(from, "cache"), join(writableOf(slot), "cache"));
      const folder = join(this.#live, name);
      renameSync(slot.folder, folder);
      return {
        code: join(folder, "code"),
        cache: join(writableOf({ folder }), "cache"),
        release: () => {
          this.#back(name);
          if (this.#known.get(key) === kept) kept.free.unshift(number);
          else rmSync(from, { recursive: true, force: true });
        },
      };
    } catch {
      return undefined;
    }
  }

  removeSlot({ folder }: Slot): void {
    rmSync(folder, { recursive: true, force: true });
  }

  /** This code is not run any more. */
  forget(spec: EndpointSpec): void {
    const key = codeKey(spec);
    const kept = this.#known.get(key);
    this.#known.delete(key);
    for (const number of kept?.free ?? []) {
      const gone = join(this.#kept, `${key}.${number}.gone-${randomBytes(4).toString("hex")}`);
      move(join(this.#kept, `${key}.${number}`), gone);
      rm(gone, { recursive: true, force: true }).catch(() => {});
    }
  }

  /** Forgets what is of bundles that are not there any more. */
  async collect(isThere: (digest: string) => Promise<boolean>): Promise<void> {
    for (const [key, kept] of this.#known) {
      if (kept.free.length < kept.used || (await isThere(`sha256:${key.slice(key.lastIndexOf(".") + 1)}`))) continue;
      this.#known.delete(key);
      await Promise.all(
        kept.free.map((number) => rm(join(this.#kept, `${key}.${number}`), { recursive: true, force: true })),
      );
    }
  }

  /** Links a bundle: at once when it is small, else on the side; true when it is there. */
  #link(kept: Kept, key: string, bundle: string): boolean {
    if (kept.linking) return false;
    const number = kept.used;
    const place = join(this.#kept, `${key}.${number}`);
    const add = () => {
      kept.used++;
      kept.free.push(number);
    };
    rmSync(place, { recursive: true, force: true });
    mkdirSync(join(place, "cache"), { recursive: true });
    if (linkAtOnce(bundle, join(place, "code"), { left: FILES_AT_ONCE })) {
      add();
      return true;
    }
    rmSync(place, { recursive: true, force: true });
    kept.linking = true;
    const temporary = join(this.#kept, `${key}.making`);
    void linkAll(bundle, join(temporary, "code"))
      .then(() => rename(temporary, place))
      .then(() => (this.#known.get(key) === kept ? add() : rm(place, { recursive: true, force: true })))
      .catch(() => rm(temporary, { recursive: true, force: true }))
      .catch(() => {})
      .finally(() => {
        kept.linking = false;
      });
    return false;
  }

  /** From where it was used to where it waits. */
  #back(name: string): void {
    const folder = join(this.#live, name);
    const place = join(this.#kept, name);
    mkdirSync(place, { recursive: true });
    move(join(folder, "code"), join(place, "code"));
    move(join(writableOf({ folder }), "cache"), join(place, "cache"));
    rmSync(folder, { recursive: true, force: true });
  }

  #of(key: string): Kept {
    let kept = this.#known.get(key);
    if (!kept) {
      kept = { free: [], used: 0, linking: false };
      this.#known.set(key, kept);
    }
    return kept;
  }
}

/** What of a slot its process can write. */
export const writableOf = ({ folder }: Slot): string => join(folder, "w");

/** Names code of one organization's endpoint, in one version. */
export const codeKey = ({ org, endpoint, artifact }: EndpointSpec) =>
  `${org}.${endpoint}.${artifact.kind === "bundle" ? artifact.digest.slice("sha256:".length) : ""}`;

/** What is not there is made when it is needed. */
function move(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch {}
}

/** False when there are more files than may be linked now. */
function linkAtOnce(from: string, to: string, budget: { left: number }): boolean {
  mkdirSync(to);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (budget.left-- === 0) return false;
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else if (!entry.isDirectory()) linkSync(source, target);
    else if (!linkAtOnce(source, target, budget)) return false;
  }
  return true;
}

async function linkAll(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isSymbolicLink()) await symlink(await readlink(source), target);
    else if (entry.isDirectory()) await linkAll(source, target);
    else await link(source, target);
  }
}
