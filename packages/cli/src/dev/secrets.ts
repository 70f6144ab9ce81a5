import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FaasError } from "@faas/core";
import type { Client } from "../client/client.ts";
import { parseEnvFile } from "../deploy/env-file.ts";
import type { Io } from "../terminal/io.ts";

/**
 * Secrets of a function under `faas dev`. Values come from `.env` in its folder, which is never deployed, else from `.env` beside a `faas.json` with
 * several functions, else from the environment of `faas dev`, under the name of the variable that the function reads.
 */
export class DevSecrets {
  readonly #folders: readonly [...string[], string];
  readonly #env: Io["env"];
  readonly #client: Client;
  /** Values that the server has, by name. */
  readonly #uploaded = new Map<string, string>();

  /** @param folders folders of `.env`; the last one wins */
  constructor(folders: readonly [...string[], string], { env }: Pick<Io, "env">, client: Client) {
    this.#folders = folders;
    this.#env = env;
    this.#client = client;
  }

  /**
   * Uploads the values that changed.
   *
   * @param secrets names by variable
   * @throws USAGE with the variables that have no value
   */
  async upload(org: string, secrets: Readonly<Record<string, string>> = {}): Promise<void> {
    if (Object.keys(secrets).length === 0) return;
    const values = { ...this.#env };
    for (const folder of this.#folders) Object.assign(values, await readValues(join(folder, ".env")));
    const missing = Object.keys(secrets).filter((variable) => !values[variable]);
    if (missing.length > 0)
      throw new FaasError("USAGE", describeMissing(missing, join(this.#folders.at(-1) as string, ".env")));
    for (const [variable, name] of Object.entries(secrets)) {
      const value = values[variable] as string;
      if (this.#uploaded.get(name) === value) continue;
      await this.#client.putSecret(org, name, value);
      this.#uploaded.set(name, value);
    }
  }
}

async function readValues(path: string): Promise<Record<string, string>> {
  return parseEnvFile(await readFile(path, "utf8").catch(() => ""), path);
}

function describeMissing(variables: readonly string[], path: string): string {
  const those = variables.length > 1 ? "them" : "it";
  const lines = variables.map((variable) => `${variable}=…`).join(" and ");
  return (
    `The function or one of its hooks uses secrets from ${variables.join(", ")}, and "faas dev" has no value for ${those}. ` +
    `Write ${lines} to ${path}, which is never deployed, or set ${those} before you start "faas dev"`
  );
}
