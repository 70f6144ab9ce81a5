import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { FaasError, isLoopback } from "@faas/core";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { printWarning } from "../terminal/output.ts";
import { storedCa } from "./credentials.ts";

/**
 * Returns the certificate authorities of a server, PEM: `--ca`, FAAS_CA, or those that `faas login` saved. Undefined means Node's own and
 * NODE_EXTRA_CA_CERTS.
 *
 * @throws USAGE when the file is not a certificate
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

const UNKNOWN_AUTHORITY = "its certificate authority is unknown";
/** Reasons by the error codes of OpenSSL and Node (x509_verify_cert_error_string(3), node:tls). */
const REASONS: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: "it is self-signed, and its certificate authority is unknown",
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
  CERT_UNTRUSTED: UNKNOWN_AUTHORITY,
  CERT_SIGNATURE_FAILURE: "its signature does not match the authority that it names",
  CERT_HAS_EXPIRED: "it has expired",
  CERT_NOT_YET_VALID: "it is not valid yet, or the clock of this machine is wrong",
  CERT_REVOKED: "it was revoked",
  ERR_TLS_CERT_ALTNAME_INVALID: "it is for another name",
};
const AUTHORITY = /^(?:DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|CERT_UNTRUSTED|CERT_SIGNATURE)/;

/** Describes a failed connection in terms of TLS; undefined when TLS is not the cause. */
export function trustProblem(url: string, error: Error & { code?: string; reason?: string }): FaasError | undefined {
  const { code = "" } = error;
  if (isNotTls(error))
    return new FaasError("SERVER_UNREACHABLE", `The server at ${url} does not speak HTTPS`, {
      cause: error,
      extensions: { hint: `try ${url.replace("https:", "http:")}` },
    });
  const reason = REASONS[code];
  if (reason === undefined) return undefined;
  const detail = code === "ERR_TLS_CERT_ALTNAME_INVALID" && error.reason ? `${reason} (${error.reason})` : reason;
  return new FaasError("CERTIFICATE_UNTRUSTED", `The certificate of ${url} is not trusted: ${detail}`, {
    cause: error,
    extensions: { hint: trustHint(code) },
  });
}

/** True when the server answered the handshake with something else. Node has no code of its own for it when it was sending already. */
const isNotTls = ({ code = "", message }: Error & { code?: string }) =>
  code === "ERR_SSL_WRONG_VERSION_NUMBER" ||
  code === "ERR_SSL_PACKET_LENGTH_TOO_LONG" ||
  (code === "EPROTO" && /wrong version number|packet length too long/.test(message));

function trustHint(code: string): string {
  if (AUTHORITY.test(code))
    return "pass the certificate of the authority, or the server's own, with --ca FILE (or FAAS_CA)";
  return code === "ERR_TLS_CERT_ALTNAME_INVALID"
    ? "use a name that the certificate is for, or get a certificate for this name"
    : "install another certificate on the server";
}

const warned = new Set<string>();

/** Warns, once per server, when keys are sent over a network without encryption. */
export function warnIfKeyIsUnencrypted(url: string, io: Io): void {
  const { protocol, hostname } = new URL(url);
  if (protocol !== "http:" || isLoopback(hostname.replace(/^\[|\]$/g, "")) || warned.has(url)) return;
  warned.add(url);
  printWarning(
    io,
    `the key is sent to ${url} unencrypted. Anyone on the network can read it. Use https (faas up --tls-cert)`,
  );
}
