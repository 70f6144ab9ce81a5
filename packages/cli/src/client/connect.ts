import { FaasError } from "@faas/core";
import { findProject } from "../project/project.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { Client } from "./client.ts";
import { storedToken } from "./credentials.ts";
import { DEFAULT_SERVER } from "./default-server.ts";
import { caFor, warnIfKeyIsUnencrypted } from "./trust.ts";

/**
 * Returns the URL of the control server: `--server`, FAAS_SERVER, `faas.json` of the folder, or the default.
 *
 * @throws USAGE when it is not an HTTP URL
 */
export async function serverUrl(options: GlobalOptions, io: Io, folder = io.cwd): Promise<string> {
  const given = options.server ?? io.env.FAAS_SERVER ?? (await findProject(folder))?.project.server ?? DEFAULT_SERVER;
  const url = URL.parse(given);
  if (url && /^https?:$/.test(url.protocol)) return given.replace(/\/+$/, "");
  throw new FaasError("USAGE", `Expected the server's address to be a URL such as ${DEFAULT_SERVER}, got "${given}"`);
}

/** Creates a client for the server that the options name, with the user's key for it. */
export async function connect(options: GlobalOptions, io: Io, folder = io.cwd): Promise<Client> {
  const url = await serverUrl(options, io, folder);
  const token = await tokenFor(url, options, io);
  if (token !== undefined) warnIfKeyIsUnencrypted(url, io);
  return new Client(url, io.signal, token, await caFor(url, options, io));
}

/**
 * Returns FAAS_TOKEN, or the token that `faas login` saved. FAAS_TOKEN is not sent to a server that only a `faas.json` names: that file may come from
 * somebody else.
 */
export async function tokenFor(url: string, { server }: GlobalOptions, io: Io): Promise<string | undefined> {
  const stored = await storedToken(url, io);
  const given = io.env.FAAS_TOKEN || undefined;
  const isNamed = (server ?? io.env.FAAS_SERVER) !== undefined || url === DEFAULT_SERVER || stored !== undefined;
  return isNamed ? (given ?? stored) : undefined;
}
