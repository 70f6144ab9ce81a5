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
/** Number of the port that the user's code sees in PORT. */
export const userPort = typeof address === "number" ? address : 8080;
/** How the code serves requests; found out when it is loaded if not set. */
export const appSetting = environment.FAAS_APP;
/** Platform whose arguments and results the function has; `faas` for this one. */
export const signatureSetting = environment.FAAS_SIGNATURE;
/** `file.export` of the handler; found by convention if not set. */
export const handlerSetting = environment.FAAS_HANDLER;
/** Maximum duration of a call. */
export const timeoutMs = nonNegative("FAAS_TIMEOUT_MS", 30_000);
/** Maximum number of concurrent calls. */
export const concurrency = nonNegative("FAAS_CONCURRENCY", 80);
/** Maximum size of a request body in bytes. */
export const bodyLimit = nonNegative("FAAS_BODY_LIMIT", 6 * 2 ** 20);
/** Maximum number of waiting calls while `concurrency` calls run. */
export const queueLimit = concurrency * 10;

/** Folder of the wrapper and of the user's code. */
export const folder = dirname(fileURLToPath(import.meta.url));
/** Name of the wrapper's own file in the folder. */
export const WRAPPER_FILE = ".interface.mjs";

/** Extensions of files that Node runs as JavaScript. */
export const EXTENSIONS = [".mjs", ".js", ".cjs"];

/** Returns the full path of a file in the folder. */
export function pathOf(name: string): string {
  return join(folder, name);
}

/** Returns a path relative to the folder; it begins with ".." if it is outside. */
export function nameOf(path: string): string {
  return relative(folder, path);
}

function nonNegative(name: string, fallback: number): number {
  const value = Number(environment[name] ?? fallback);
  if (!Number.isFinite(value) || value < 0)
    throw new Error(`Expected ${name} to be a number, got "${environment[name]}"`);
  return value;
}
