import { X509Certificate } from "node:crypto";
import type { SecureContext, Server } from "node:tls";
import { Certificate, type CertificateFiles, type CertificateLog, type KeyPair } from "./tls-certificate.ts";
import { tlsOptions } from "./tls-server.ts";

/** Certificates as options of a server. */
export interface ServerCertificates {
  /** Certificate and key for HTTPS. */
  readonly pair: KeyPair;
  /** Returns the context for the name that a client asks for with TLS; `undefined` for that of `pair`. */
  readonly contextFor?: (name: string) => SecureContext | undefined;
}

/** A certificate as it is chosen: its names, and the context of connections, both of the last valid files. */
interface Choice {
  readonly names: X509Certificate;
  readonly context: SecureContext;
}

/** Certificates of a server, by the name that a client asks for (SNI, RFC 6066 section 3). The first one is for clients that ask for no name, or for another. */
export class CertificateSet implements Disposable {
  readonly #certificates: readonly Certificate[];
  readonly #choices: Choice[];

  private constructor(certificates: readonly Certificate[]) {
    this.#certificates = certificates;
    this.#choices = certificates.map(({ pair }) => choiceOf(pair));
  }

  /**
   * Reads the files of at least one certificate.
   * @throws CERTIFICATE_INVALID, with the name of the file
   */
  static async open(files: readonly CertificateFiles[], log: CertificateLog): Promise<CertificateSet> {
    return new CertificateSet(await Promise.all(files.map((each) => Certificate.open(each, log))));
  }

  /** The first certificate. */
  get pair(): KeyPair {
    return (this.#certificates[0] as Certificate).pair;
  }

  /** Returns the context of the certificate for a name: one with exactly that name, then one with a wildcard; `undefined` for the first certificate. */
  contextFor(name: string): SecureContext | undefined {
    const exact = this.#choices.find(({ names }) => names.checkHost(name, { wildcards: false }) !== undefined);
    return (exact ?? this.#choices.find(({ names }) => names.checkHost(name) !== undefined))?.context;
  }

  /** Options of a server with these certificates. */
  get serverOptions(): ServerCertificates {
    const { pair } = this;
    // A single certificate is for every name.
    return this.#certificates.length > 1 ? { pair, contextFor: (name) => this.contextFor(name) } : { pair };
  }

  /** Makes a server use the certificates in the files when they change. */
  renewIn(server: Server): void {
    this.watch((pair) => server.setSecureContext(tlsOptions(pair)));
  }

  /** Follows changes of the files; calls `useFirst` with each new valid pair of the first certificate. */
  watch(useFirst: (pair: KeyPair) => void): void {
    for (const [index, certificate] of this.#certificates.entries()) {
      certificate.watch((pair) => {
        this.#choices[index] = choiceOf(pair);
        if (index === 0) useFirst(pair);
      });
    }
  }

  [Symbol.dispose](): void {
    for (const certificate of this.#certificates) certificate[Symbol.dispose]();
  }
}

const choiceOf = (pair: KeyPair): Choice => ({
  names: new X509Certificate(pair.cert),
  context: process.getBuiltinModule("node:tls").createSecureContext(tlsOptions(pair)),
});
