import { createHash, randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough, type Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { FaasError } from "@faas/core";
import { isStorageFull, syncFolder } from "../state/fsync.ts";
import { extractBundle } from "./extract.ts";
import { tarSizeOf } from "./tar-size.ts";

/** A bundle that no revision names is kept for this time after it was uploaded or claimed: its registration may be on the way. */
export const GRACE_MS = 600_000;
const UPLOAD_PREFIX = ".upload-";

/** Limit of one upload. */
export interface UploadAllowance {
  /** Most bytes that it may have; undefined: no limit. */
  readonly bytes?: number;
  readonly tooLarge: () => FaasError;
}

export interface PutOptions {
  /** Size in bytes, when it is known. */
  readonly length?: number;
  /** Read the upload completely even when the bundle exists: the client has to prove that it has it. */
  readonly mustProve?: boolean;
  readonly allowance?: UploadAllowance;
}

/** Bundles by digest, unpacked: `<dataDir>/bundles/<64 hexadecimal digits>/`. */
export class BundleStore {
  readonly limitBytes: number;
  readonly #folder: string;
  readonly #linked = new Map<string, string>();
  /** Time of the last claim by digest. */
  readonly #claimedMs = new Map<string, number>();
  readonly #removals = new Map<string, Promise<void>>();
  /** Sizes by digest, as far as they are known. */
  readonly #sizes = new Map<string, number>();
  /** Names of the folders of uploads under way. */
  readonly #uploads = new Set<string>();

  constructor(dataDir: string, limitBytes: number) {
    this.#folder = join(dataDir, "bundles");
    this.limitBytes = limitBytes;
  }

  async has(digest: string): Promise<boolean> {
    return this.claim(digest).then(
      () => true,
      (error) => {
        if (error instanceof FaasError && error.code === "BUNDLE_NOT_FOUND") return false;
        throw error;
      },
    );
  }

  /**
   * Returns the folder of a bundle, which is kept until a revision can name it.
   *
   * @throws BUNDLE_NOT_FOUND
   */
  async claim(digest: string): Promise<string> {
    // Either the collection sees the claim, or the claim sees the removal.
    this.#claimedMs.set(digest, Date.now());
    await this.#removals.get(digest);
    const path = await this.folder(digest);
    // For a server that is restarted meanwhile.
    if (!this.#linked.has(digest)) await utimes(path, new Date(), new Date());
    return path;
  }

  /**
   * Returns the folder of an unpacked bundle.
   *
   * @throws BUNDLE_NOT_FOUND
   */
  async folder(digest: string): Promise<string> {
    const path = this.#linked.get(digest) ?? this.#path(digest);
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory()) return path;
    throw bundleNotFound(digest);
  }

  /** Returns the size of a bundle's tar if it was determined before. */
  knownSize(digest: string): number | undefined {
    return this.#sizes.get(digest);
  }

  /** Returns the size of a bundle's tar; 0 when the bundle is missing. */
  async sizeOf(digest: string): Promise<number> {
    const known = this.#sizes.get(digest);
    if (known !== undefined) return known;
    const size = await tarSizeOf(this.#path(digest)).catch(() => 0);
    // The content of a digest never changes, but a missing bundle may be uploaded again.
    if (size > 0) this.#sizes.set(digest, size);
    return size;
  }

  /** Serves a folder in place as the bundle of a digest: for `faas dev`. */
  link(digest: string, folder: string): void {
    this.#linked.set(digest, folder);
  }

  unlink(digest: string): void {
    this.#linked.delete(digest);
  }

  /**
   * Stores a bundle; returns true when it is new. Verifies and unpacks it while it arrives; it gets its name only when all of it was good.
   *
   * @throws BUNDLE_TOO_LARGE, LIMIT_EXCEEDED, BUNDLE_DIGEST_MISMATCH, BUNDLE_INVALID, STORAGE_FULL
   */
  async put(digest: string, tar: Readable, options: PutOptions = {}): Promise<boolean> {
    const { length = 0, mustProve = false, allowance } = options;
    if (length > this.limitBytes) throw this.#tooLarge();
    if (!mustProve && (await this.has(digest))) {
      tar.resume();
      return false;
    }
    const name = `${UPLOAD_PREFIX}${randomBytes(8).toString("hex")}`;
    const temporary = join(this.#folder, name);
    this.#uploads.add(name);
    try {
      await mkdir(temporary, { recursive: true });
      await this.#receive(digest, tar, temporary, allowance);
      return await this.#keep(digest, temporary);
    } catch (error) {
      throw uploadError(error);
    } finally {
      await rm(temporary, { recursive: true, force: true });
      this.#uploads.delete(name);
    }
  }

  /** Removes bundles that no revision names, and leftovers of uploads to a previous server. */
  async collect(named: ReadonlySet<string>, now: number): Promise<void> {
    for (const [digest, claimedMs] of this.#claimedMs) if (now - claimedMs > GRACE_MS) this.#claimedMs.delete(digest);
    for (const name of await readdir(this.#folder).catch(() => [])) {
      const digest = `sha256:${name}`;
      if (named.has(digest) || this.#uploads.has(name)) continue;
      const path = join(this.#folder, name);
      const age = now - ((await stat(path).catch(() => undefined))?.mtimeMs ?? now);
      if (this.#claimedMs.has(digest) || (age <= GRACE_MS && !name.startsWith(UPLOAD_PREFIX))) continue;
      this.#sizes.delete(digest);
      const removal = rm(path, { recursive: true, force: true });
      this.#removals.set(digest, removal);
      await removal.finally(() => this.#removals.delete(digest));
    }
  }

  /** Gives an unpacked upload its name; all of it is on disk afterwards. Returns false when the bundle existed. */
  async #keep(digest: string, temporary: string): Promise<boolean> {
    this.#claimedMs.set(digest, Date.now());
    await this.#removals.get(digest);
    const isNew = await rename(temporary, this.#path(digest)).then(
      () => true,
      (error) => {
        // The same bundle was uploaded twice at the same time; the other upload was first.
        if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
        return false;
      },
    );
    await syncFolder(this.#folder);
    return isNew;
  }

  async #receive(digest: string, tar: Readable, folder: string, allowance?: UploadAllowance): Promise<void> {
    const hash = createHash("sha256");
    const { limitBytes } = this;
    const tooLarge = () => this.#tooLarge();
    const checked = new PassThrough();
    let size = 0;
    const feeding = pipeline(
      tar,
      async function* (source: AsyncIterable<Buffer>) {
        for await (const piece of source) {
          size += piece.length;
          if (size > limitBytes) throw tooLarge();
          if (allowance?.bytes !== undefined && size > allowance.bytes) throw allowance.tooLarge();
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

  #tooLarge(): FaasError {
    return new FaasError("BUNDLE_TOO_LARGE", `Expected a bundle of at most ${this.limitBytes} bytes, got more`);
  }

  #path(digest: string): string {
    return join(this.#folder, digest.slice("sha256:".length));
  }
}

/** Returns the error for a digest without a bundle. */
export const bundleNotFound = (digest: string): FaasError =>
  new FaasError(
    "BUNDLE_NOT_FOUND",
    `The server does not have the bundle ${digest}: upload it with PUT /-/bundles/${digest}`,
  );

/** Translates an error of an upload; one that the client cannot fix stays as it is. */
function uploadError(error: unknown): unknown {
  if (error instanceof FaasError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (isStorageFull(error))
    return new FaasError("STORAGE_FULL", "No space left for the bundle; nothing was changed", { cause: error });
  if (code !== undefined && SERVER_ERRORS.has(code)) return error;
  return new FaasError("BUNDLE_INVALID", `The bundle cannot be unpacked: ${message}`, { cause: error });
}

/** Codes of errno(3) for failures that the bundle does not cause. */
const SERVER_ERRORS = new Set(["EACCES", "EIO", "EMFILE", "ENFILE", "ENOENT", "ENOMEM", "EPERM", "EROFS"]);
