import { join, relative } from "node:path";

// Settings of the wrapper, from its environment (docs/wrapper-protocol.md, "Environment").

/** Organization, endpoint and revision that the wrapper serves. */
export let identity: { readonly org: string; readonly endpoint: string; readonly revision: string };
/** TCP port, or path of a Unix socket, to listen on. */
export let address: number | string;
/** Number of the port that the user's code sees in PORT. */
export let userPort: number;
/** How the code serves requests; found out when it is loaded if not set. */
export let appSetting: string | undefined;
/** Platform whose arguments and results the function has; `faas` for this one. */
export let signatureSetting: string | undefined;
/** `file.export` of the handler; found by convention if not set. */
export let handlerSetting: string | undefined;
/** Maximum duration of a call. */
export let timeoutMs: number;
/** Maximum number of concurrent calls. */
export let concurrency: number;
/** Maximum size of a request body in bytes. */
export let bodyLimit: number;
/** Maximum number of waiting calls while `concurrency` calls run. */
export let queueLimit: number;
/** Folder of the wrapper and of the user's code. */
export let folder: string;

/** Name of the wrapper's own file in the folder. */
export const WRAPPER_FILE = ".interface.mjs";

/** Extensions of files that Node runs as JavaScript. */
export const EXTENSIONS = [".mjs", ".js", ".cjs"];

/** Reads the settings. A prewarmed process gets its environment and its folder later than this file. */
export function readSettings(environment: NodeJS.ProcessEnv, codeFolder: string): void {
  identity = {
    org: environment.FAAS_ORG ?? "",
    endpoint: environment.FAAS_ENDPOINT ?? "",
    revision: environment.FAAS_REVISION ?? "",
  };
  const port = environment.PORT ?? "8080";
  address = /^\d+$/.test(port) ? Number(port) : port;
  userPort = typeof address === "number" ? address : 8080;
  appSetting = environment.FAAS_APP;
  signatureSetting = environment.FAAS_SIGNATURE;
  handlerSetting = environment.FAAS_HANDLER;
  timeoutMs = nonNegative(environment, "FAAS_TIMEOUT_MS", 30_000);
  concurrency = nonNegative(environment, "FAAS_CONCURRENCY", 80);
  bodyLimit = nonNegative(environment, "FAAS_BODY_LIMIT", 6 * 2 ** 20);
  queueLimit = concurrency * 10;
  folder = codeFolder;
}

/** Returns the full path of a file in the folder. */
export function pathOf(name: string): string {
  return join(folder, name);
}

/** Returns a path relative to the folder; it begins with ".." if it is outside. */
export function nameOf(path: string): string {
  return relative(folder, path);
}

function nonNegative(environment: NodeJS.ProcessEnv, name: string, fallback: number): number {
  const value = Number(environment[name] ?? fallback);
  if (!Number.isFinite(value) || value < 0)
    throw new Error(`Expected ${name} to be a number, got "${environment[name]}"`);
  return value;
}
