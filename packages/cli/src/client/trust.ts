import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { FaasError, isLoopback } from "@faas/core";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { colors, printStatus } from "../terminal/output.ts";
import { storedCa } from "./credentials.ts";

/**
 * The certificates, PEM, that a server's has to be signed by: `--ca`, FAAS_CA, or what `faas login` kept for it. Undefined: those that Node knows, and
 * NODE_EXTRA_CA_CERTS. USAGE when the file is none.
 */
export async function caFor(url: string, { ca }: GlobalOptions, io: Io): Promise<string | undefined> {
  if (!url.startsWith("https:")) return undefined;
  const file = ca ?? (io.env.FAAS_CA || undefined);
  return file === undefined ? storedCa(url, io) : readCa(resolve(io.cwd, file));
}

async function readCa(file: string): Promise<string> {
  const text = await readFile(file, "utf8").catch((cause) => {
    throw new FaasError("USAGE", `Expected a certificate in ${file}, got: ${cause.message}`, { cause });
  });
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw new FaasError("USAGE", `Expected ${file} to hold certificates in PEM (-----BEGIN CERTIFICATE-----)`);
}

/** By the code of the error that OpenSSL or Node gives (x509_verify_cert_error_string(3), node:tls). */
const REASONS: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: "it is signed by itself, not by an authority that is known here",
  SELF_SIGNED_CERT_IN_CHAIN: "the authority that signed it is not known here",
  UNABLE_TO_GET_ISSUER_CERT: "the authority that signed it is not known here",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "the authority that signed it is not known here",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "the authority that signed it is not known here",
  CERT_UNTRUSTED: "the authority that signed it is not known here",
  CERT_SIGNATURE_FAILURE: "it is not signed by the authority that it names",
  CERT_HAS_EXPIRED: "it has expired",
  CERT_NOT_YET_VALID: "it is not valid yet; or the clock of this machine is wrong",
  CERT_REVOKED: "it was revoked",
  ERR_TLS_CERT_ALTNAME_INVALID: "it is for another name",
};
const AUTHORITY = /^(?:DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|CERT_UNTRUSTED|CERT_SIGNATURE)/;

/** What a failed connection tells of TLS, in our words; undefined when it was something else. */
export function trustProblem(url: string, error: Error & { code?: string; reason?: string }): FaasError | undefined {
  const { code = "" } = error;
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER" || code === "ERR_SSL_PACKET_LENGTH_TOO_LONG")
    return new FaasError("SERVER_UNREACHABLE", `What answers at ${url} does not speak HTTPS`, {
      cause: error,
      extensions: { hint: `try ${url.replace("https:", "http:")}` },
    });
  const reason = REASONS[code];
  if (reason === undefined) return undefined;
  const detail = code === "ERR_TLS_CERT_ALTNAME_INVALID" && error.reason ? `${reason} (${error.reason})` : reason;
  const hint = AUTHORITY.test(code)
    ? "name the certificate of the authority, or the server's own, with --ca FILE (or FAAS_CA)"
    : code === "ERR_TLS_CERT_ALTNAME_INVALID"
      ? "use a name that the certificate is for, or have one made for this name"
      : "the server needs another certificate";
  return new FaasError("CERTIFICATE_UNTRUSTED", `The certificate of ${url} is not trusted: ${detail}`, {
    cause: error,
    extensions: { hint },
  });
}

const warned = new Set<string>();

/** Keys that others can read on their way: said once for each server. */
export function warnOfPlainKeys(url: string, io: Io): void {
  const { protocol, hostname } = new URL(url);
  if (protocol !== "http:" || isLoopback(hostname.replace(/^\[|\]$/g, "")) || warned.has(url)) return;
  warned.add(url);
  const { yellow } = colors(io.stderr, io);
  printStatus(
    io,
    `${yellow("warning:")} the key goes to ${url} unencrypted: who listens on the way has it. Use https (faas up --tls-cert)`,
  );
}
