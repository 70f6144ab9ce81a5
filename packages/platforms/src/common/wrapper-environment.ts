import { join } from "node:path";
import { type EndpointSpec, mainRef, type Runtime } from "@faas/core";
import { limitVariables } from "./limit-variables.ts";
import { type Programs, runtimeCommand } from "./runtime-command.ts";

/** Programs and folders for the functions' processes. */
export interface RuntimeOptions extends Programs {
  /** Short, private folder for sockets. */
  readonly runFolder: string;
  readonly cacheFolder: string;
}

/**
 * Returns the environment of a runtime's process: the few variables of the server's own environment that a runtime needs, and the common ones.
 *
 * @param home home folder, also used for temporary files
 * @param cache folder for compiled code
 */
export function runtimeEnvironment(runtime: Runtime, home: string, cache?: string): NodeJS.ProcessEnv {
  const { PATH, LANG, TZ } = process.env;
  return {
    ...(PATH === undefined ? {} : { PATH }),
    ...(TZ === undefined ? {} : { TZ }),
    LANG: LANG ?? "C.UTF-8",
    ...commonEnvironment(home),
    ...(cache === undefined ? {} : { [runtimeCommand(runtime).cacheVariable]: cache }),
  };
}

/** Variables with which the wrapper tags each line with the call that prints it. */
export const TAGGED_OUTPUT = { FAAS_OUTPUT_TAGS: "1" } as const;

/** Returns the folder of compiled code that the functions of a runtime share when they are not sandboxed. */
export const sharedCacheFolder = (runtime: Runtime, cacheFolder: string): string =>
  join(cacheFolder, runtimeCommand(runtime).name);

/**
 * Returns the variables that every runtime gets on every platform.
 *
 * @param home home folder, also used for temporary files
 */
export function commonEnvironment(home: string): Record<string, string> {
  return {
    HOME: home,
    TMPDIR: home,
    NODE_ENV: "production",
  };
}

/**
 * Returns the variables of a function: those that follow from its limits, which the user's own override, and those that the wrapper reads
 * (docs/wrapper-protocol.md), which override the user's.
 *
 * @param port port number or Unix socket path to listen on
 * @param secrets values by variable name
 */
export function functionEnvironment(
  spec: EndpointSpec,
  port: string,
  secrets: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return {
    ...limitVariables(spec),
    ...spec.env,
    ...secrets,
    PORT: port,
    FAAS_ORG: spec.org,
    FAAS_ENDPOINT: mainRef(spec).endpoint,
    FAAS_REVISION: spec.revision,
    // The build makes an app for Node of static files.
    ...(spec.app === undefined ? {} : { FAAS_APP: spec.app === "static" ? "http" : spec.app }),
    ...(spec.signature === undefined ? {} : { FAAS_SIGNATURE: spec.signature }),
    ...(spec.handler === undefined ? {} : { FAAS_HANDLER: spec.handler }),
    FAAS_TIMEOUT_MS: String(spec.timeoutMs),
    FAAS_CONCURRENCY: String(spec.concurrency),
    FAAS_BODY_LIMIT: String(spec.bodyLimitBytes),
  };
}
