import { resolve } from "node:path";
import { FaasError } from "@faas/core";

/** Options about the certificates of a listener. */
export interface TlsSettings {
  readonly tlsCert?: readonly string[];
  readonly tlsKey?: readonly string[];
}

/**
 * Returns the files of each certificate, the default one first.
 *
 * @throws USAGE when a certificate has no key, or the other way round
 */
export function tlsFiles({ tlsCert = [], tlsKey = [] }: TlsSettings, cwd: string) {
  if (tlsCert.length !== tlsKey.length)
    throw new FaasError(
      "USAGE",
      tlsCert.length === 0 || tlsKey.length === 0
        ? "Expected --tls-cert and --tls-key together, got only one of them"
        : `Expected a --tls-key for each --tls-cert, got ${counted(tlsCert.length, "certificate")} and ${counted(tlsKey.length, "key")}`,
    );
  return tlsCert.map((cert, index) => ({ cert: resolve(cwd, cert), key: resolve(cwd, tlsKey[index] as string) }));
}

/** Collects the values of a repeatable option. */
export const listed = (value: string, previous: readonly string[] = []): readonly string[] => [...previous, value];

const counted = (count: number, noun: string) => `${count} ${noun}${count === 1 ? "" : "s"}`;
