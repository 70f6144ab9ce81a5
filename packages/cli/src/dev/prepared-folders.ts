import type { PreparedFolder } from "@faas/builder/bundle";
import type { RunningServer } from "@faas/server";

interface Shared {
  readonly prepared: PreparedFolder;
  users: number;
}

/** Prepared folders that the server runs in place, by digest. Functions of the same folder share one. */
export class PreparedFolders {
  readonly #bundles: RunningServer["bundles"];
  readonly #shared = new Map<string, Shared>();

  constructor({ bundles }: Pick<RunningServer, "bundles">) {
    this.#bundles = bundles;
  }

  /** Adds a user of a folder; returns the folder that has the same content already, and removes the new one then. */
  async acquire(prepared: PreparedFolder): Promise<PreparedFolder> {
    const { digest } = prepared;
    const existing = this.#shared.get(digest);
    if (existing === undefined) {
      this.#shared.set(digest, { prepared, users: 1 });
      this.#bundles.link(digest, prepared.folder);
      return prepared;
    }
    existing.users++;
    await prepared[Symbol.asyncDispose]();
    return existing.prepared;
  }

  /** Removes a user of a folder, and the folder with its last user. */
  async release(digest: string): Promise<void> {
    const shared = this.#shared.get(digest);
    if (shared === undefined || --shared.users > 0) return;
    this.#shared.delete(digest);
    this.#bundles.unlink(digest);
    await shared.prepared[Symbol.asyncDispose]();
  }
}
