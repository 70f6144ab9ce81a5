import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { FaasError, type SecretVersion } from "@faas/core";

const CIPHER = "aes-256-gcm";
const KEY_BYTES = 32;
/** 96 random bits per value, which are safe for 2^32 values (NIST SP 800-38D section 8.2.2 and 8.3). */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Values of secrets in files of the data folder, `secrets/<org>/<name>.<version>`, encrypted with the key in `secrets.key`. Each file consists of a nonce, a
 * tag and the encrypted value. Organization, name and version are authenticated too, so a file moved to the place of another one does not decrypt.
 */
export class SecretStore {
  readonly #folder: string;
  readonly #keyFile: string;
  /** Shared by concurrent callers, each of which would otherwise create a key. */
  #key: Promise<Buffer> | undefined;

  constructor(dataDir: string) {
    this.#folder = join(dataDir, "secrets");
    this.#keyFile = join(dataDir, "secrets.key");
  }

  /** Stores a value. Resolves when it is on disk. */
  async put(org: string, secret: SecretVersion, value: string): Promise<void> {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, await this.#readOrCreateKeyOnce(), nonce).setAAD(
      authenticatedData(org, secret),
    );
    const encrypted = Buffer.concat([cipher.update(value, "utf8"), cipher.final()]);
    await mkdir(join(this.#folder, org), { recursive: true, mode: 0o700 });
    const file = this.#file(org, secret);
    await writePrivateFile(`${file}.new`, Buffer.concat([nonce, cipher.getAuthTag(), encrypted]));
    await rename(`${file}.new`, file);
    await syncFolder(join(this.#folder, org));
  }

  /**
   * Reads a value.
   *
   * @throws SECRET_UNAVAILABLE
   */
  async value(org: string, secret: SecretVersion): Promise<string> {
    try {
      const key = await readFile(this.#keyFile);
      const bytes = await readFile(this.#file(org, secret));
      const options = { authTagLength: TAG_BYTES };
      const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES), options);
      decipher.setAAD(authenticatedData(org, secret)).setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      const text = decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES));
      return Buffer.concat([text, decipher.final()]).toString("utf8");
    } catch (error) {
      const { code, path } = error as NodeJS.ErrnoException;
      const cause = path === undefined ? `does not decrypt with ${this.#keyFile}` : `cannot be read (${code} ${path})`;
      throw new FaasError(
        "SECRET_UNAVAILABLE",
        `The value of the secret "${secret.name}" ${cause}: restore secrets.key and secrets/ from the same backup, or set the secret again with "faas secret set ${org} ${secret.name}"`,
      );
    }
  }

  async remove(org: string, secret: SecretVersion): Promise<void> {
    await rm(this.#file(org, secret), { force: true });
  }

  async removeOrg(org: string): Promise<void> {
    await rm(join(this.#folder, org), { recursive: true, force: true });
  }

  #file(org: string, { name, version }: SecretVersion): string {
    return join(this.#folder, org, `${name}.${version}`);
  }

  #readOrCreateKeyOnce(): Promise<Buffer> {
    this.#key ??= this.#readOrCreateKey().finally(() => {
      this.#key = undefined;
    });
    return this.#key;
  }

  async #readOrCreateKey(): Promise<Buffer> {
    const key = await readFile(this.#keyFile).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    if (key !== undefined) return key;
    const newKey = randomBytes(KEY_BYTES);
    await writePrivateFile(`${this.#keyFile}.new`, newKey);
    await rename(`${this.#keyFile}.new`, this.#keyFile);
    await syncFolder(join(this.#folder, ".."));
    return newKey;
  }
}

const authenticatedData = (org: string, { name, version }: SecretVersion) => Buffer.from(`${org}/${name}/${version}`);

/** Writes a file that only this user can read, and syncs it to disk. */
async function writePrivateFile(file: string, bytes: Buffer): Promise<void> {
  await rm(file, { force: true });
  const handle = await open(file, "wx", 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Syncs the names of a folder's files to disk (fsync(2)). */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  await handle.sync().finally(() => handle.close());
}
