import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

// Settings of the wrapper, read once from its environment (docs/wrapper-protocol.md, "Environment").
const environment = process.env;

/** Organization, endpoint and revision that the wrapper serves. */
export const identity = {
  org: environment.FAAS_ORG ?? "",
  endpoint: environment.FAAS_ENDPOINT ?? "",
  revision: environment.FAAS_REVISION ?? "",
};
const port = environment.PORT ?? "8080";
/** TCP port, or path of a Unix socket, to listen on. */
export const address = /^\d+$/.test(port) ? Number(port) : port;
/** `file.export` of the handler; found by convention when not set. */
export const handlerSetting = environment.FAAS_HANDLER;
/** Time that one call may take. */
export const timeoutMs = nonNegative("FAAS_TIMEOUT_MS", 30_000);
/** Calls handled at a time. */
export const concurrency = nonNegative("FAAS_CONCURRENCY", 80);
/** Largest request body in bytes. */
export const bodyLimit = nonNegative("FAAS_BODY_LIMIT", 6 * 2 ** 20);
/** Most calls that wait while `concurrency` calls run. */
export const queueLimit = concurrency * 10;

/** Folder of the wrapper, which is that of the user's code too. */
export const folder = dirname(fileURLToPath(import.meta.url));
/** Name of the wrapper's own file in the folder. */
export const WRAPPER_FILE = ".interface.mjs";

/** Returns the full path of a file in the folder. */
export function pathOf(name: string): string {
  return join(folder, name);
}

/** Returns a path relative to the folder; it begins with ".." when it is outside. */
export function nameOf(path: string): string {
  return relative(folder, path);
}

function nonNegative(name: string, fallback: number): number {
  const value = Number(environment[name] ?? fallback);
  if (!Number.isFinite(value) || value < 0)
    throw new Error(`Expected ${name} to be a number, got "${environment[name]}"`);
  return value;
}
