import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { FaasError, type SecretVersion } from "@faas/core";

const CIPHER = "aes-256-gcm";
const KEY_BYTES = 32;
/** NIST SP 800-38D section 8.2.2: 96 random bits a value; 2^32 values before two may meet. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Values of secrets in files of the data folder, encrypted with a key that lies beside: `secrets.key` and `secrets/<org>/<name>.<version>`. Each
 * file is a nonce, a tag and the encrypted value; organization, name and version are authenticated with it, so that one put in another's place does
 * not decrypt.
 */
export class SecretFiles {
  readonly #folder: string;
  readonly #keyFile: string;
  /** Two at once would make two keys. */
  #key: Promise<Buffer> | undefined;

  constructor(dataDir: string) {
    this.#folder = join(dataDir, "secrets");
    this.#keyFile = join(dataDir, "secrets.key");
  }

  /** Resolves when it is on disk. */
  async put(org: string, secret: SecretVersion, value: string): Promise<void> {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, await this.#keyOrNew(), nonce).setAAD(nameOf(org, secret));
    const encrypted = Buffer.concat([cipher.update(value, "utf8"), cipher.final()]);
    await mkdir(join(this.#folder, org), { recursive: true, mode: 0o700 });
    const file = this.#file(org, secret);
    await writeWhole(`${file}.new`, Buffer.concat([nonce, cipher.getAuthTag(), encrypted]));
    await rename(`${file}.new`, file);
    await syncFolder(join(this.#folder, org));
  }

  /** Rejects with SECRET_UNAVAILABLE, which says what to do. */
  async value(org: string, secret: SecretVersion): Promise<string> {
    try {
      const key = await readFile(this.#keyFile);
      const bytes = await readFile(this.#file(org, secret));
      const options = { authTagLength: TAG_BYTES };
      const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES), options);
      decipher.setAAD(nameOf(org, secret)).setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      const text = decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES));
      return Buffer.concat([text, decipher.final()]).toString("utf8");
    } catch (error) {
      const { code, path } = error as NodeJS.ErrnoException;
      const why = path === undefined ? `does not decrypt with ${this.#keyFile}` : `cannot be read (${code} ${path})`;
      throw new FaasError(
        "SECRET_UNAVAILABLE",
        `The value of the secret "${secret.name}" ${why}: restore secrets.key and secrets/ from the same backup, or set it again with "faas secret set ${org} ${secret.name}"`,
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

  #keyOrNew(): Promise<Buffer> {
    this.#key ??= this.#readOrMakeKey().finally(() => {
      this.#key = undefined;
    });
    return this.#key;
  }

  async #readOrMakeKey(): Promise<Buffer> {
    const key = await readFile(this.#keyFile).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    if (key !== undefined) return key;
    const made = randomBytes(KEY_BYTES);
    await writeWhole(`${this.#keyFile}.new`, made);
    await rename(`${this.#keyFile}.new`, this.#keyFile);
    await syncFolder(join(this.#folder, ".."));
    return made;
  }
}

const nameOf = (org: string, { name, version }: SecretVersion) => Buffer.from(`${org}/${name}/${version}`);

/** For this user alone. */
async function writeWhole(file: string, bytes: Buffer): Promise<void> {
  await rm(file, { force: true });
  const handle = await open(file, "wx", 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A name is on disk when its folder is (fsync(2)). */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  await handle.sync().finally(() => handle.close());
}
