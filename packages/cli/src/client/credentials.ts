import { randomUUID } from "node:crypto";
import { chmod, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { FaasError } from "@faas/core";
import type { Io } from "../terminal/io.ts";

type Environment = Pick<Io, "env">;

/** Content of `~/.config/faas/credentials.json`: per server, a key's token and the certificate authorities, PEM. */
interface Credentials {
  readonly servers: Readonly<Record<string, { readonly token?: string; readonly ca?: string }>>;
}

/** Returns the path of the credentials: in `XDG_CONFIG_HOME`, or in `~/.config` (XDG Base Directory Specification, which ignores a relative `XDG_CONFIG_HOME`). */
function credentialsFile({ env }: Environment): string {
  const base = env.XDG_CONFIG_HOME ?? "";
  const folder = isAbsolute(base) ? base : join(env.HOME || homedir(), ".config");
  return join(folder, "faas", "credentials.json");
}

/**
 * Returns the saved token for a server.
 *
 * @throws CONFIG_INVALID when the file is malformed
 */
export async function storedToken(url: string, io: Environment): Promise<string | undefined> {
  return (await read(io)).servers[url]?.token;
}

/** Returns the saved certificate authorities of a server. */
export async function storedCa(url: string, io: Environment): Promise<string | undefined> {
  return (await read(io)).servers[url]?.ca;
}

/** Saves the token for a server and the certificate authorities to trust, in a file that only this user can read. Returns its path. */
export async function storeToken(url: string, token: string, io: Environment, ca?: string): Promise<string> {
  const { servers } = await read(io);
  return write({ servers: { ...servers, [url]: { token, ...(ca === undefined ? {} : { ca }) } } }, io);
}

/** Saves the certificate authorities of a server that requires no keys. */
export async function storeCa(url: string, ca: string, io: Environment): Promise<string> {
  const { servers } = await read(io);
  return write({ servers: { ...servers, [url]: { ...servers[url], ca } } }, io);
}

/** Deletes the saved key for a server; false when there was none. */
export async function deleteToken(url: string, io: Environment): Promise<boolean> {
  const { [url]: saved, ...servers } = (await read(io)).servers;
  if (saved === undefined) return false;
  await write({ servers }, io);
  return true;
}

async function read(io: Environment): Promise<Credentials> {
  const file = credentialsFile(io);
  const text = await readFile(file, "utf8").catch((error) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw error;
  });
  if (text === undefined) return { servers: {} };
  try {
    const { servers } = JSON.parse(text);
    const isOptionalText = (value: unknown) => typeof value === "string" || value === undefined;
    const entries = Object.values(servers as Record<string, Record<string, unknown>>);
    if (entries.every(({ token, ca }) => isOptionalText(token) && isOptionalText(ca))) return { servers };
  } catch {}
  throw new FaasError("CONFIG_INVALID", `${file} is malformed. Correct it, or delete it and run "faas login" again`);
}

/** Replaces the file atomically. */
async function write(credentials: Credentials, io: Environment): Promise<string> {
  const file = credentialsFile(io);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${randomUUID()}`;
  try {
    await writeFile(temporary, `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600 });
    await chmod(temporary, 0o600);
    await rename(temporary, file);
  } finally {
    await rm(temporary, { force: true });
  }
  return file;
}
