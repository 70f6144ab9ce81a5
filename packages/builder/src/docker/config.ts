import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { FaasError } from "@faas/core";

/** What the builder reads of Docker's own `config.json`. */
export interface DockerConfig {
  readonly currentContext?: string;
  /** Registry to what it is logged in with. */
  readonly auths?: Readonly<Record<string, { readonly auth?: string; readonly identitytoken?: string }>>;
  /** The program `docker-credential-<name>` that keeps all logins. */
  readonly credsStore?: string;
  /** Registry to the name of such a program for that one alone. */
  readonly credHelpers?: Readonly<Record<string, string>>;
  /** What containers reach the network through, for all engines (`default`) or for one. */
  readonly proxies?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Docker's folder of settings: `DOCKER_CONFIG`, else `~/.docker`. */
export const dockerFolder = (env: Environment): string => env.DOCKER_CONFIG || join(env.HOME || homedir(), ".docker");

/** Docker's `config.json`; empty when there is none. CONFIG_INVALID when it is no JSON. */
export async function readDockerConfig(env: Environment): Promise<DockerConfig> {
  return ((await readJsonIfThere(join(dockerFolder(env), "config.json"))) as DockerConfig | undefined) ?? {};
}

/** A JSON file of Docker's; undefined when it is not there. */
export async function readJsonIfThere(path: string): Promise<unknown> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw new FaasError("CONFIG_INVALID", `Docker's ${path} cannot be read: ${error.message}`, { cause: error });
  });
  if (text === undefined || text.trim() === "") return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FaasError("CONFIG_INVALID", `Docker's ${path} is no JSON: ${(cause as Error).message}`, { cause });
  }
}
