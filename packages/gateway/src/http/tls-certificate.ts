import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { FaasError } from "@faas/core";

export interface CertificateFiles {
  /** Certificate chain, the server's own first, in PEM. */
  readonly cert: string;
  /** Private key, in PEM. */
  readonly key: string;
}

/** Contents of the files, as `tls.Server` takes them. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateLog {
  info(message: string): void;
  warn(message: string): void;
}

const CHECK_MS = 1_000;
const EXPIRY_WARNING_MS = 14 * 24 * 3_600_000;

/** A certificate and its key in two files, reloaded when they change. */
export class Certificate implements Disposable {
  readonly #files: CertificateFiles;
  readonly #log: CertificateLog;
  #pair: KeyPair;
  /** Stamp of the files when they were last read, valid or not. */
  #stamp: string;
  #timer: NodeJS.Timeout | undefined;

  private constructor(files: CertificateFiles, log: CertificateLog, pair: KeyPair, stamp: string) {
    this.#files = files;
    this.#log = log;
    this.#pair = pair;
    this.#stamp = stamp;
  }

  /**
   * Reads the files. A certificate that has expired, or soon will, is used, with a warning.
   * @throws CERTIFICATE_INVALID, with the name of the file
   */
  static async open(files: CertificateFiles, log: CertificateLog): Promise<Certificate> {
    const stamp = await stampOf(files);
    const pair = await read(files);
    const age = ageProblem(pair, files, Date.now());
    if (age) log.warn(age);
    return new Certificate(files, log, pair, stamp);
  }

  get pair(): KeyPair {
    return this.#pair;
  }

  /** Calls `use` with each new valid pair. Compares inodes and times: a mounted Secret is updated by replacing the folder behind a link. */
  watch(use: (pair: KeyPair) => void, everyMs = CHECK_MS): void {
    const check = async () => {
      await this.#check(use).catch((error) => this.#log.warn(`failed to check the certificate: ${error.message}`));
      if (this.#timer !== undefined) this.#timer = setTimeout(check, everyMs).unref();
    };
    this.#timer = setTimeout(check, everyMs).unref();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #check(use: (pair: KeyPair) => void): Promise<void> {
    const now = await stampOf(this.#files);
    if (now === this.#stamp) return;
    this.#stamp = now;
    try {
      const pair = await read(this.#files);
      if (pair.cert === this.#pair.cert && pair.key === this.#pair.key) return;
      const age = ageProblem(pair, this.#files, Date.now());
      if (age) this.#log.warn(age);
      use(pair);
      this.#pair = pair;
      this.#log.info(`certificate reloaded, valid until ${validTo(pair).toISOString()}`);
    } catch (error) {
      this.#log.warn(`the new certificate is invalid, still using the previous one: ${(error as Error).message}`);
    }
  }
}

/** Returns a string that changes when the files are written or replaced. */
async function stampOf({ cert, key }: CertificateFiles): Promise<string> {
  const each = async (file: string) => {
    const found = await stat(file).catch(() => undefined);
    return found ? `${found.dev} ${found.ino} ${found.size} ${found.mtimeMs}` : "none";
  };
  return `${await each(cert)}, ${await each(key)}`;
}

async function read(files: CertificateFiles): Promise<KeyPair> {
  const [cert, key] = await Promise.all([text(files.cert, "certificate"), text(files.key, "private key")]);
  const own = parsed(() => new X509Certificate(cert), `Expected ${files.cert} to hold a certificate in PEM`);
  const secret = parsed(
    () => createPrivateKey(key),
    `Expected ${files.key} to hold a private key in PEM, without a passphrase`,
  );
  if (!own.checkPrivateKey(secret))
    throw new FaasError(
      "CERTIFICATE_INVALID",
      `The private key in ${files.key} is not that of the certificate in ${files.cert}`,
    );
  const tls = process.getBuiltinModule("node:tls");
  parsed(() => tls.createSecureContext({ cert, key }), `The certificate in ${files.cert} cannot be used`);
  return { cert, key };
}

async function text(file: string, what: string): Promise<string> {
  return readFile(file, "utf8").catch((cause) => {
    const why = { ENOENT: "the file is missing", EACCES: "it is not readable", EISDIR: "it is a folder" }[
      cause.code as string
    ];
    throw new FaasError("CERTIFICATE_INVALID", `Expected the server's ${what} in ${file}: ${why ?? cause.message}`, {
      cause,
    });
  });
}

function parsed<T>(parse: () => T, expected: string): T {
  try {
    return parse();
  } catch (cause) {
    throw new FaasError("CERTIFICATE_INVALID", `${expected}: ${(cause as Error).message}`, { cause });
  }
}

const validTo = ({ cert }: KeyPair) => new Date(new X509Certificate(cert).validTo);

function ageProblem(pair: KeyPair, { cert }: CertificateFiles, nowMs: number): string | undefined {
  const until = validTo(pair);
  const from = new Date(new X509Certificate(pair.cert).validFrom);
  if (from.getTime() > nowMs)
    return `the certificate in ${cert} is not valid before ${from.toISOString()}: clients reject it until then`;
  if (until.getTime() <= nowMs)
    return `the certificate in ${cert} expired on ${until.toISOString()}: clients reject it`;
  return until.getTime() - nowMs > EXPIRY_WARNING_MS
    ? undefined
    : `the certificate in ${cert} expires on ${until.toISOString()}`;
}
