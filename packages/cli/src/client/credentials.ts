import { randomUUID } from "node:crypto";
import { chmod, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { FaasError } from "@faas/core";
import type { Io } from "../terminal/io.ts";

type Surroundings = Pick<Io, "env">;

/** `~/.config/faas/credentials.json`: by server, the token of a key, and the certificates (PEM) that the server's has to be signed by. */
interface Credentials {
  readonly servers: Readonly<Record<string, { readonly token?: string; readonly ca?: string }>>;
}

/** Where keys are kept: in `XDG_CONFIG_HOME` or `~/.config` (XDG Base Directory Specification; a relative `XDG_CONFIG_HOME` is to be ignored). */
export function credentialsFile({ env }: Surroundings): string {
  const base = env.XDG_CONFIG_HOME ?? "";
  const folder = isAbsolute(base) ? base : join(env.HOME || homedir(), ".config");
  return join(folder, "faas", "credentials.json");
}

/** The token that is kept for a server. CONFIG_INVALID when the file is none of ours. */
export async function storedToken(url: string, io: Surroundings): Promise<string | undefined> {
  return (await read(io)).servers[url]?.token;
}

/** The certificates that are kept for a server. */
export async function storedCa(url: string, io: Surroundings): Promise<string | undefined> {
  return (await read(io)).servers[url]?.ca;
}

/** Keeps a token for a server, for this user alone, in place of a former one, and the certificates to trust. Gives the file. */
export async function storeToken(url: string, token: string, io: Surroundings, ca?: string): Promise<string> {
  const { servers } = await read(io);
  return write({ servers: { ...servers, [url]: { token, ...(ca === undefined ? {} : { ca }) } } }, io);
}

/** Keeps the certificates alone: of a server without keys. */
export async function storeCa(url: string, ca: string, io: Surroundings): Promise<string> {
  const { servers } = await read(io);
  return write({ servers: { ...servers, [url]: { ...servers[url], ca } } }, io);
}

/** True when there was one. */
export async function forgetToken(url: string, io: Surroundings): Promise<boolean> {
  const { [url]: former, ...servers } = (await read(io)).servers;
  if (former === undefined) return false;
  await write({ servers }, io);
  return true;
}

async function read(io: Surroundings): Promise<Credentials> {
  const file = credentialsFile(io);
  const text = await readFile(file, "utf8").catch((error) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw error;
  });
  if (text === undefined) return { servers: {} };
  try {
    const { servers } = JSON.parse(text);
    const known = (each: unknown) => typeof each === "string" || each === undefined;
    if (
      Object.values(servers as Record<string, Record<string, unknown>>).every(
        ({ token, ca }) => known(token) && known(ca),
      )
    )
      return { servers };
  } catch {}
  throw new FaasError("CONFIG_INVALID", `Expected ${file} to be as "faas login" writes it: mend it, or remove it`);
}

/** As a whole, or not at all. */
async function write(credentials: Credentials, io: Surroundings): Promise<string> {
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
