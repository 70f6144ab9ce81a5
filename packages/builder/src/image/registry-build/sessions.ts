import type { Environment } from "../../docker/config.ts";
import { RegistrySession } from "../../registry/api/session.ts";
import { registryCredentials } from "../../registry/credentials.ts";

/** Sessions with the registries of a build: that of the base image is often that of the target. */
export class Sessions implements Disposable {
  readonly #env: Environment;
  readonly #signal: AbortSignal | undefined;
  readonly #sessions = new Map<string, Promise<RegistrySession>>();

  constructor(env: Environment, signal: AbortSignal | undefined) {
    this.#env = env;
    this.#signal = signal;
  }

  open(host: string): Promise<RegistrySession> {
    const existing = this.#sessions.get(host);
    if (existing) return existing;
    const opened = this.#open(host);
    this.#sessions.set(host, opened);
    return opened;
  }

  async #open(host: string): Promise<RegistrySession> {
    const credentials = await registryCredentials(host, this.#env);
    return new RegistrySession({ host, credentials, env: this.#env, signal: this.#signal });
  }

  [Symbol.dispose](): void {
    for (const session of this.#sessions.values())
      session.then(
        (opened) => opened[Symbol.dispose](),
        () => {},
      );
  }
}
