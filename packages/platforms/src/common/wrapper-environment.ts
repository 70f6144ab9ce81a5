import { join } from "node:path";
import type { EndpointSpec, Runtime } from "@faas/core";
import { type Programs, runtimeCommand } from "./runtime-command.ts";

/** How processes of functions are started. */
export interface RuntimeOptions extends Programs {
  /** Short and private: sockets are in it. */
  readonly runFolder: string;
  readonly cacheFolder: string;
}

/** Nothing of the server's own environment but what a runtime needs; `home` is for temporary files as well, `cache` for what the runtime compiles. */
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

/** Where functions of a runtime that are not kept apart share what is compiled. */
export const cacheOf = (runtime: Runtime, cacheFolder: string): string =>
  join(cacheFolder, runtimeCommand(runtime).name);

/** What every runtime finds, on every platform; `home` is for temporary files as well. */
export function commonEnvironment(home: string): Record<string, string> {
  return {
    HOME: home,
    TMPDIR: home,
    NODE_ENV: "production",
    // Numeric libraries start a thread a core, which wait for each other as soon as two calls run at once; and a CPU limit lets none of them run.
    OMP_NUM_THREADS: "1",
    OPENBLAS_NUM_THREADS: "1",
  };
}

/** What the wrapper reads (docs/wrapper-protocol.md), behind what the user set. `port`: where it listens, a number or the path of a Unix socket. `secrets`: values by variable. */
export function functionEnvironment(
  spec: EndpointSpec,
  port: string,
  secrets: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return {
    ...spec.env,
    ...secrets,
    PORT: port,
    FAAS_ORG: spec.org,
    FAAS_ENDPOINT: spec.endpoint,
    FAAS_REVISION: spec.revision,
    ...(spec.handler === undefined ? {} : { FAAS_HANDLER: spec.handler }),
    FAAS_TIMEOUT_MS: String(spec.timeoutMs),
    FAAS_CONCURRENCY: String(spec.concurrency),
    FAAS_BODY_LIMIT: String(spec.bodyLimitBytes),
  };
}
