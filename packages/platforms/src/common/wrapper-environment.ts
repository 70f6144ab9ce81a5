import { join } from "node:path";
import type { EndpointSpec, Runtime } from "@faas/core";

/** How processes of functions are started. */
export interface RuntimeOptions {
  readonly node: string;
  readonly python: string;
  /** Short and private: sockets are in it. */
  readonly runFolder: string;
  readonly cacheFolder: string;
}

/** The program of a runtime, and what is put before the file that it runs. */
export function runtimeCommand(
  runtime: Runtime,
  memoryBytes: number,
  { node, python }: RuntimeOptions,
): readonly [program: string, ...args: string[]] {
  if (runtime === "python") return [python];
  const heapMi = Math.max(16, Math.floor((memoryBytes / 2 ** 20) * 0.75));
  return [node, `--max-old-space-size=${heapMi}`];
}

/** Nothing of the server's own environment but what a runtime needs; `home` is for temporary files as well, `cache` for what the runtime compiles. */
export function runtimeEnvironment(runtime: Runtime, home: string, cache?: string): NodeJS.ProcessEnv {
  const { PATH, LANG, TZ } = process.env;
  return {
    ...(PATH === undefined ? {} : { PATH }),
    ...(TZ === undefined ? {} : { TZ }),
    LANG: LANG ?? "C.UTF-8",
    ...commonEnvironment(home),
    ...(cache === undefined ? {} : { [runtime === "python" ? "PYTHONPYCACHEPREFIX" : "NODE_COMPILE_CACHE"]: cache }),
  };
}

/** Where functions of a runtime that are not kept apart share what is compiled. */
export const cacheOf = (runtime: Runtime, cacheFolder: string): string => join(cacheFolder, runtime);

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
