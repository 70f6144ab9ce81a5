import { delimiter, join } from "node:path";
import type { EndpointSpec } from "@faas/core";
import { commonEnvironment, functionEnvironment } from "./wrapper-environment.ts";

/** Port of a server that has a network of its own, on every platform. */
export const SERVER_PORT = 8080;

/** Folders that a server's process finds its code and programs in. */
export interface ServerFolders {
  readonly code: string;
  /** Home folder, also used for temporary files. */
  readonly home: string;
  /** Folder for compiled code. */
  readonly cache: string;
  /** Folder with the programs `node` and `python3`. */
  readonly programs: string;
}

/** Returns the variables by which servers know the addresses to listen on. Next.js reads HOSTNAME, others HOST. The user's own override them. */
export const hostVariables = (host: string): Record<string, string> => ({ HOST: host, HOSTNAME: host });

/**
 * Returns the whole environment of a server's process on this machine: programs of its dependencies are on the PATH, and Python finds its packages.
 *
 * @param host address to listen on
 * @param secrets values by variable name
 */
export function serverEnvironment(
  spec: EndpointSpec,
  { code, home, cache, programs }: ServerFolders,
  { host, port }: { readonly host: string; readonly port: number },
  secrets: Readonly<Record<string, string>>,
): Record<string, string> {
  const { PATH = "", LANG = "C.UTF-8", TZ } = process.env;
  const own = { ...spec.env, ...secrets };
  const packages = join(code, ".packages");
  return {
    ...(TZ === undefined ? {} : { TZ }),
    LANG,
    ...commonEnvironment(home),
    ...hostVariables(host),
    NODE_COMPILE_CACHE: join(cache, "node"),
    PYTHONPYCACHEPREFIX: join(cache, "python"),
    PYTHONUNBUFFERED: "1",
    ...functionEnvironment(spec, String(port), secrets),
    PATH: joined(join(code, "node_modules", ".bin"), join(packages, "bin"), programs, own.PATH ?? PATH),
    PYTHONPATH: joined(own.PYTHONPATH, packages),
  };
}

const joined = (...paths: readonly (string | undefined)[]) => paths.filter(Boolean).join(delimiter);
