import { FaasError, type Logger, type Platform } from "@faas/core";
import type { Store } from "../../state/store.ts";

export interface HookSecretsOptions {
  readonly store: Pick<Store, "org">;
  readonly platform: Pick<Platform, "readSecret">;
  readonly log: Logger;
}

/** Newest values of the secrets with which webhooks are verified. Each version is read once. */
export class HookSecrets {
  readonly #options: HookSecretsOptions;
  /** By organization and name. */
  readonly #values = new Map<string, { readonly version: string; readonly value: Promise<string> }>();

  constructor(options: HookSecretsOptions) {
    this.#options = options;
  }

  /**
   * Reads a value.
   *
   * @throws SECRET_UNAVAILABLE
   */
  async value(org: string, name: string): Promise<string> {
    const { store, platform, log } = this.#options;
    const key = `${org}/${name}`;
    const { secrets = {} } = store.org(org) ?? {};
    const version = Object.hasOwn(secrets, name) ? secrets[name]?.version : undefined;
    try {
      if (version === undefined) throw new Error(`there is no secret "${name}"`);
      const known = this.#values.get(key);
      if (known?.version === version) return await known.value;
      const value = platform.readSecret(org, { name, version });
      this.#values.set(key, { version, value });
      return await value;
    } catch (error) {
      this.#values.delete(key);
      log.error({ err: error, org, secret: name }, "the secret of a webhook cannot be read");
      // The sender must not learn more.
      throw new FaasError(
        "SECRET_UNAVAILABLE",
        "The secret of the webhook cannot be read; the log of the server has the reason",
      );
    }
  }
}
