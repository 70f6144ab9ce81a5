import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { FaasError } from "@faas/core";

/** Login in Docker's `config.json`: `auth` is the base64 of `username:password`. */
interface DockerLogin {
  readonly auth?: string;
  readonly identitytoken?: string;
  readonly username?: string;
  readonly password?: string;
}

/** Fields of Docker's `config.json` that the builder reads. */
export interface DockerConfig {
  readonly currentContext?: string;
  /** Logins by registry. */
  readonly auths?: Readonly<Record<string, DockerLogin>>;
  /** Name of the program `docker-credential-<name>` that stores all logins. */
  readonly credsStore?: string;
  /** Names of such programs for single registries. */
  readonly credHelpers?: Readonly<Record<string, string>>;
  /** Proxies of containers, for all engines (`default`) or for one. */
  readonly proxies?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Returns Docker's configuration folder: `DOCKER_CONFIG`, else `~/.docker`. */
export const dockerFolder = (env: Environment): string => env.DOCKER_CONFIG || join(env.HOME || homedir(), ".docker");

/**
 * Reads Docker's `config.json`; empty when the file is missing.
 *
 * @throws CONFIG_INVALID if it is unreadable or not valid JSON
 */
export async function readDockerConfig(env: Environment): Promise<DockerConfig> {
  return ((await readOptionalJson(join(dockerFolder(env), "config.json"))) as DockerConfig | undefined) ?? {};
}

/**
 * Reads a JSON file in Docker's folder; undefined when it is missing or empty.
 *
 * @throws CONFIG_INVALID if it is unreadable or not valid JSON
 */
export async function readOptionalJson(path: string): Promise<unknown> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw new FaasError("CONFIG_INVALID", `Cannot read Docker's ${path}: ${error.message}`, { cause: error });
  });
  if (text === undefined || text.trim() === "") return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FaasError("CONFIG_INVALID", `Docker's ${path} is not valid JSON: ${(cause as Error).message}`, { cause });
  }
}
