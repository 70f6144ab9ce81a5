import { createHash, randomBytes } from "node:crypto";
import { mkdir, open, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough, type Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { FaasError } from "@faas/core";
import { extractBundle } from "./bundle-extract.ts";

/** A bundle that no revision names is kept so long: its registration may be on the way. */
const GRACE_MS = 600_000;

/** Bundles by digest, unpacked: `<dataDir>/bundles/<64 hexadecimal digits>/`. */
export class Bundles {
  readonly limitBytes: number;
  readonly #folder: string;
  readonly #linked = new Map<string, string>();

  constructor(dataDir: string, limitBytes: number) {
    this.#folder = join(dataDir, "bundles");
    this.limitBytes = limitBytes;
  }

  async has(digest: string): Promise<boolean> {
    const known = await this.folder(digest).then(
      () => true,
      () => false,
    );
    // Asked for means wanted: an upload that is skipped must not be collected before it is registered.
    if (known && !this.#linked.has(digest)) await utimes(this.#path(digest), new Date(), new Date());
    return known;
  }

  /** Its unpacked folder. Rejects with BUNDLE_NOT_FOUND. */
  async folder(digest: string): Promise<string> {
    const path = this.#linked.get(digest) ?? this.#path(digest);
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory()) return path;
    throw new FaasError(
      "BUNDLE_NOT_FOUND",
      `The server does not have the bundle ${digest}: upload it with PUT /-/bundles/${digest}`,
    );
  }

  /** Serves a folder as it is, without a copy: for `faas dev`. */
  link(digest: string, folder: string): void {
    this.#linked.set(digest, folder);
  }

  unlink(digest: string): void {
    this.#linked.delete(digest);
  }

  /**
   * Takes a bundle; true when it is new. Verified and unpacked while it comes, and there under its name only when all was well.
   * BUNDLE_TOO_LARGE, BUNDLE_DIGEST_MISMATCH, BUNDLE_INVALID, STORAGE_FULL.
   */
  async put(digest: string, tar: Readable): Promise<boolean> {
    if (await this.has(digest)) {
      tar.resume();
      return false;
    }
    const temporary = join(this.#folder, `.upload-${randomBytes(8).toString("hex")}`);
    await mkdir(temporary, { recursive: true });
    try {
      await this.#receive(digest, tar, temporary);
      await syncFolder(temporary);
      await rename(temporary, this.#path(digest)).catch(async (error) => {
        // The same bundle was uploaded twice at once; the other one was first.
        if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
      });
      await syncFolder(this.#folder);
      return true;
    } catch (error) {
      throw uploadError(error);
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  }

  /** Removes what no revision names, and what uploads that were cut left behind. */
  async collect(named: ReadonlySet<string>, now: number): Promise<void> {
    for (const name of await readdir(this.#folder).catch(() => [])) {
      if (named.has(`sha256:${name}`)) continue;
      const path = join(this.#folder, name);
      const age = now - ((await stat(path).catch(() => undefined))?.mtimeMs ?? now);
      if (age > GRACE_MS) await rm(path, { recursive: true, force: true });
    }
  }

  async #receive(digest: string, tar: Readable, folder: string): Promise<void> {
    const hash = createHash("sha256");
    const limit = this.limitBytes;
    const checked = new PassThrough();
    let size = 0;
    const feeding = pipeline(
      tar,
      async function* (source: AsyncIterable<Buffer>) {
        for await (const piece of source) {
          size += piece.length;
          if (size > limit)
            throw new FaasError("BUNDLE_TOO_LARGE", `Expected a bundle of at most ${limit} bytes, got more`);
          hash.update(piece);
          yield piece;
        }
      },
      checked,
    );
    const failure = feeding.then(
      () => undefined,
      (error: unknown) => error,
    );
    await extractBundle(checked, folder).catch(async (error) => {
      checked.destroy();
      const first = await failure;
      throw first instanceof FaasError ? first : error;
    });
    const error = await failure;
    if (error) throw error;
    const got = `sha256:${hash.digest("hex")}`;
    if (got !== digest)
      throw new FaasError("BUNDLE_DIGEST_MISMATCH", `Expected the bundle ${digest}, got one whose digest is ${got}`);
  }

  #path(digest: string): string {
    return join(this.#folder, digest.slice("sha256:".length));
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  await handle.sync().finally(() => handle.close());
}

function uploadError(error: unknown): unknown {
  if (error instanceof FaasError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new FaasError("STORAGE_FULL", "There is no room for the bundle; nothing was changed", { cause: error });
  }
  return new FaasError("BUNDLE_INVALID", `The bundle cannot be unpacked: ${message}`, { cause: error });
}
