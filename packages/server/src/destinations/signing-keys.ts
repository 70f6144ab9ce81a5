import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { SigningKeyView } from "@faas/core";
import { KeyedMutex } from "../lib/keyed-mutex.ts";
import { readIfExists } from "../lib/read-if-exists.ts";
import { replaceFile } from "../state/atomic-file.ts";
import { newSigningKey } from "./signature.ts";

export interface SigningKeysOptions {
  /** Folder with a file per organization. */
  readonly folder: string;
  /** Returns when an organization was created: one that was removed and created again gets another key. */
  readonly createdAtOf: (org: string) => string | undefined;
  /** Rejects when another server may write to the folder. */
  readonly assertLockHeld: () => Promise<void>;
  /** @defaultValue Date.now */
  readonly now?: () => number;
}

interface StoredKeys extends SigningKeyView {
  readonly orgCreatedAt: string;
}

/** Time for which calls are signed with the previous key too. */
const OVERLAP_MS = 86_400_000;

/** Keys that sign the calls to URLs, one per organization, in files that only the server's user can read. */
export class SigningKeys implements AsyncDisposable {
  readonly #options: SigningKeysOptions;
  readonly #mutex = new KeyedMutex();
  readonly #known = new Map<string, StoredKeys>();

  constructor(options: SigningKeysOptions) {
    this.#options = options;
  }

  /** Waits for the changes under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#mutex.settled();
  }

  /** Returns the key of an organization; creates the first one. */
  get(org: string): Promise<SigningKeyView> {
    return this.#mutex.run(org, async () => {
      const stored = await this.#read(org);
      return stored === undefined ? this.#write(org, {}) : this.#view(stored);
    });
  }

  /** Replaces the key. For a day, calls are signed with the previous one too. */
  rotate(org: string): Promise<SigningKeyView> {
    return this.#mutex.run(org, async () => {
      const before = await this.#read(org);
      const validUntil = new Date(this.#now() + OVERLAP_MS).toISOString();
      return this.#write(org, before === undefined ? {} : { previous: { key: before.key, validUntil } });
    });
  }

  /** Returns the keys that sign a call now, the newest first. */
  async keysOf(org: string): Promise<readonly string[]> {
    const { key, previous } = await this.get(org);
    return previous === undefined ? [key] : [key, previous.key];
  }

  /** Removes the key of an organization that was removed. */
  remove(org: string): Promise<void> {
    return this.#mutex.run(org, async () => {
      this.#known.delete(org);
      await rm(this.#file(org), { force: true });
    });
  }

  #view({ orgCreatedAt: _, previous, ...view }: StoredKeys): SigningKeyView {
    const isValid = previous !== undefined && Date.parse(previous.validUntil) > this.#now();
    return isValid ? { ...view, previous } : view;
  }

  async #read(org: string): Promise<StoredKeys | undefined> {
    const text = this.#known.has(org) ? "" : await readIfExists(this.#file(org));
    const stored = text === "" ? this.#known.get(org) : (JSON.parse(text) as StoredKeys);
    if (stored?.orgCreatedAt !== this.#options.createdAtOf(org)) return undefined;
    if (stored !== undefined) this.#known.set(org, stored);
    return stored;
  }

  async #write(org: string, { previous }: Pick<SigningKeyView, "previous">): Promise<SigningKeyView> {
    const { folder, createdAtOf, assertLockHeld } = this.#options;
    const stored: StoredKeys = {
      ...{ org, key: newSigningKey(), createdAt: new Date(this.#now()).toISOString() },
      ...(previous === undefined ? {} : { previous }),
      orgCreatedAt: createdAtOf(org) ?? "",
    };
    await mkdir(folder, { recursive: true, mode: 0o700 });
    // A replaced key must not stay in a backup.
    const written = await replaceFile(this.#file(org), [JSON.stringify(stored)], assertLockHeld, {
      keepsBackup: false,
    });
    await written.close();
    this.#known.set(org, stored);
    return this.#view(stored);
  }

  #file(org: string): string {
    return join(this.#options.folder, `${org}.json`);
  }

  #now(): number {
    return this.#options.now?.() ?? Date.now();
  }
}
