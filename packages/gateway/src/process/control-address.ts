import { FaasError } from "@faas/core";

/** Address of the control server for gateways: a Unix socket of this machine, or a host and a port. */
export type ControlAddress = { readonly socketPath: string } | { readonly host: string; readonly port: number };

/**
 * Parses the address of a control server.
 *
 * @param text `unix:PATH` or `http://HOST:PORT`
 * @throws USAGE
 */
export function parseControlAddress(text: string): ControlAddress {
  if (text.startsWith("unix:/")) return { socketPath: text.slice("unix:".length) };
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" && url.pathname === "/" && url.search === "")
    return { host: url.hostname.replace(/^\[(.*)\]$/, "$1"), port: Number(url.port || 80) };
  throw new FaasError("USAGE", `Expected "unix:/PATH" or "http://HOST:PORT" as the control server, got "${text}"`);
}
