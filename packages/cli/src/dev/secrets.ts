import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FaasError } from "@faas/core";
import type { Client } from "../client/client.ts";
import { parseEnvFile } from "../deploy/env-file.ts";
import type { Io } from "../terminal/io.ts";

/**
 * The secrets of a function that is run on one's own machine. Values come from `.env` in its folder, which is never deployed, else from the environment
 * of `faas dev`: under the variable's name, as the function finds them.
 */
export class DevSecrets {
  readonly #folder: string;
  readonly #env: Io["env"];
  readonly #client: Client;
  /** Values that the server has, by name. */
  readonly #given = new Map<string, string>();

  constructor(folder: string, { env }: Pick<Io, "env">, client: Client) {
    this.#folder = folder;
    this.#env = env;
    this.#client = client;
  }

  /** Gives the server the values that it has not yet; `secrets`: names by variable. Says which variables are missing: USAGE. */
  async give(org: string, secrets: Readonly<Record<string, string>> = {}): Promise<void> {
    if (Object.keys(secrets).length === 0) return;
    const path = join(this.#folder, ".env");
    const text = await readFile(path, "utf8").catch(() => "");
    const values = { ...this.#env, ...parseEnvFile(text, path) };
    const missing = Object.keys(secrets).filter((variable) => !values[variable]);
    if (missing.length > 0)
      throw new FaasError(
        "USAGE",
        `The function is to find secrets in ${missing.join(", ")}, and "faas dev" has no value for ${missing.length > 1 ? "them" : "it"}: write ${missing.map((variable) => `${variable}=…`).join(" and ")} into ${path}, which is never deployed, or set ${missing.length > 1 ? "them" : "it"} before you start "faas dev"`,
      );
    for (const [variable, name] of Object.entries(secrets)) {
      const value = values[variable] as string;
      if (this.#given.get(name) === value) continue;
      await this.#client.putSecret(org, name, value);
      this.#given.set(name, value);
    }
  }
}
