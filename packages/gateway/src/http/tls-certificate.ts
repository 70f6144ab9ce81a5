import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import { FaasError } from "@faas/core";

export interface CertificateFiles {
  /** Chain of certificates, the server's own first, PEM. */
  readonly cert: string;
  /** Its private key, PEM. */
  readonly key: string;
}

/** What `tls.Server` takes. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateLog {
  info(message: string): void;
  warn(message: string): void;
}

const CHECK_MS = 1_000;
const SOON_MS = 14 * 24 * 3_600_000;

/** A certificate and its key in two files, read again whenever they change. */
export class Certificate implements Disposable {
  readonly #files: CertificateFiles;
  readonly #log: CertificateLog;
  #pair: KeyPair;
  /** Of the files as they were read last, good or not. */
  #seen: string;
  #timer: NodeJS.Timeout | undefined;

  private constructor(files: CertificateFiles, log: CertificateLog, pair: KeyPair, seen: string) {
    this.#files = files;
    this.#log = log;
    this.#pair = pair;
    this.#seen = seen;
  }

  /** Rejects with CERTIFICATE_INVALID, which names the file. One that has expired, or soon will, is taken, with a warning. */
  static async open(files: CertificateFiles, log: CertificateLog): Promise<Certificate> {
    const seen = await stamp(files);
    const pair = await read(files);
    const age = ageProblem(pair, files, Date.now());
    if (age) log.warn(age);
    return new Certificate(files, log, pair, seen);
  }

  get pair(): KeyPair {
    return this.#pair;
  }

  /** Calls `use` with each new pair that is whole. Looks at names and times: a mounted Secret is another folder behind a link. */
  watch(use: (pair: KeyPair) => void, everyMs = CHECK_MS): void {
    const look = async () => {
      await this.#look(use).catch((error) =>
        this.#log.warn(`the certificate could not be looked at: ${error.message}`),
      );
      if (this.#timer !== undefined) this.#timer = setTimeout(look, everyMs).unref();
    };
    this.#timer = setTimeout(look, everyMs).unref();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #look(use: (pair: KeyPair) => void): Promise<void> {
    const now = await stamp(this.#files);
    if (now === this.#seen) return;
    this.#seen = now;
    try {
      const pair = await read(this.#files);
      if (pair.cert === this.#pair.cert && pair.key === this.#pair.key) return;
      const age = ageProblem(pair, this.#files, Date.now());
      if (age) this.#log.warn(age);
      use(pair);
      this.#pair = pair;
      this.#log.info(`the certificate was read again: valid until ${validTo(pair).toISOString()}`);
    } catch (error) {
      this.#log.warn(`the new certificate is not used, the former one still is: ${(error as Error).message}`);
    }
  }
}

/** Equal while nothing was written to the files, or put in their place. */
async function stamp({ cert, key }: CertificateFiles): Promise<string> {
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
  parsed(() => createSecureContext({ cert, key }), `The certificate in ${files.cert} cannot be used`);
  return { cert, key };
}

async function text(file: string, what: string): Promise<string> {
  return readFile(file, "utf8").catch((cause) => {
    const why = { ENOENT: "it is not there", EACCES: "it may not be read", EISDIR: "it is a folder" }[
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
    return `the certificate in ${cert} is valid from ${from.toISOString()} on: clients refuse it until then`;
  if (until.getTime() <= nowMs)
    return `the certificate in ${cert} expired on ${until.toISOString()}: clients refuse it`;
  return until.getTime() - nowMs > SOON_MS ? undefined : `the certificate in ${cert} expires on ${until.toISOString()}`;
}
