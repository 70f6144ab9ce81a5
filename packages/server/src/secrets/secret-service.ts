import { randomBytes } from "node:crypto";
import { FaasError, type Logger, type Platform, SECRETS_MAX, type SecretSet, type SecretView } from "@faas/core";
import type { DeploymentController } from "../deployments/controller.ts";
import { KeyedMutex } from "../lib/keyed-mutex.ts";
import { type EndpointRecord, revisionsOf } from "../state/records.ts";
import { noSuchSecret, type SecretRecords, secretNames, usesSecret, verifiesWith } from "../state/secret-records.ts";
import type { Store } from "../state/store.ts";

export interface SecretServiceOptions {
  readonly store: Store;
  readonly platform: Pick<Platform, "putSecret" | "removeSecret" | "notReady">;
  readonly deployments: Pick<DeploymentController, "applyOrg" | "renew">;
  readonly log: Logger;
}

const VERSION_BYTES = 6;

/**
 * Secrets of organizations: keeps the list, and deploys the newest value to the endpoints that use it. The values go to the platform and are stored
 * nowhere else (docs/decisions/0021-versioned-secrets.md).
 */
export class SecretService implements AsyncDisposable {
  readonly #options: SecretServiceOptions;
  /** Serializes the changes of an organization's secrets. */
  readonly #mutex = new KeyedMutex();
  #stopping = false;

  constructor(options: SecretServiceOptions) {
    this.#options = options;
  }

  /** Finishes what a previous server had begun. */
  start(): void {
    const { store } = this.#options;
    for (const org of store.orgs()) {
      if (Object.keys(store.org(org)?.secrets ?? {}).length === 0) continue;
      this.#deployAll(org, () => true).catch((error) => this.#warn(org, error));
      this.collectLater(org);
    }
  }

  /** Waits for the changes under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    await this.#mutex.settled();
  }

  /** Lists the secrets of an organization by name. */
  list(org: string): SecretView[] {
    const { secrets = {}, endpoints = new Map<string, EndpointRecord>() } = this.#options.store.org(org) ?? {};
    return secretNames(secrets).map((name) => ({
      name,
      setAt: secrets[name]?.setAt ?? "",
      endpoints: usersOf(name, endpoints),
    }));
  }

  /**
   * Sets the value of a secret, and starts to deploy it to the endpoints that use it.
   *
   * @throws SECRETS_FULL, ORG_NOT_FOUND, CLUSTER_*
   */
  async set(org: string, name: string, value: string): Promise<SecretSet & { readonly isNew: boolean }> {
    const { store, deployments, platform } = this.#options;
    if (platform.notReady) throw platform.notReady;
    await deployments.applyOrg(org);
    await store.putOrg(org);
    const version = randomBytes(VERSION_BYTES).toString("hex");
    const { isNew, setAt } = await this.#mutex.run(org, () => this.#set(org, name, version, value));
    const rolls = await this.#deployAll(org, (record) => uses(record, name));
    this.collectLater(org);
    return { name, setAt, rolls, isNew };
  }

  /**
   * Removes a secret that no endpoint uses.
   *
   * @throws SECRET_NOT_FOUND, SECRET_IN_USE
   */
  async remove(org: string, name: string): Promise<void> {
    const { store, platform } = this.#options;
    if (platform.notReady) throw platform.notReady;
    await this.#mutex.run(org, async () => {
      await store.changeSecrets(org, (secrets, endpoints) => {
        const record = Object.hasOwn(secrets, name) ? secrets[name] : undefined;
        if (record?.version === undefined) throw noSuchSecret(org, name, secrets);
        const users = usersOf(name, endpoints);
        if (users.length > 0) throw inUse(org, name, users, settingWith(name, endpoints.get(users[0] as string)));
        const { version, ...rest } = record;
        return { ...secrets, [name]: { ...rest, former: [...rest.former, version] } };
      });
      await this.#collect(org);
    });
  }

  /** Writes the version to the state before the platform gets the value, so that no value is left there that the state does not know. */
  async #set(org: string, name: string, version: string, value: string): Promise<{ isNew: boolean; setAt: string }> {
    const { store, platform } = this.#options;
    const setAt = new Date().toISOString();
    let isNew = true;
    await store.changeSecrets(org, (secrets) => {
      const before = Object.hasOwn(secrets, name) ? secrets[name] : undefined;
      isNew = before?.version === undefined;
      if (before === undefined && Object.keys(secrets).length >= SECRETS_MAX)
        throw new FaasError(
          "SECRETS_FULL",
          `${org} has ${SECRETS_MAX} secrets, which is the maximum: remove some first`,
        );
      return { ...secrets, [name]: { setAt, ...before, former: [...(before?.former ?? []), version] } };
    });
    try {
      await platform.putSecret(org, { name, version }, value);
      await store.changeSecrets(org, (secrets) => {
        const { version: before, former = [] } = secrets[name] ?? {};
        const others = former.filter((each) => each !== version);
        return { ...secrets, [name]: { version, setAt, former: before === undefined ? others : [...others, before] } };
      });
    } catch (error) {
      // The organization may have been removed meanwhile, with everything that the state knew of it.
      await platform.removeSecret(org, { name, version }).catch(() => {});
      this.collectLater(org);
      throw error;
    }
    return { isNew, setAt };
  }

  async #deployAll(org: string, which: (record: EndpointRecord) => boolean): Promise<SecretSet["rolls"]> {
    const { store, deployments } = this.#options;
    const users = Array.from(store.org(org)?.endpoints ?? []).filter(([, record]) => which(record));
    const rolls = await Promise.all(
      users.map(async ([endpoint]) => ({ endpoint, revision: await deployments.renew({ org, endpoint }) })),
    );
    return rolls.flatMap(({ endpoint, revision }) => (revision === undefined ? [] : [{ endpoint, revision }]));
  }

  /** Starts to remove values that may be unused; to be called when revisions of the organization have changed. */
  collectLater(org: string): void {
    const secrets = this.#options.store.org(org)?.secrets;
    if (this.#stopping || secrets === undefined || !hasPrevious(secrets)) return;
    this.#mutex.run(org, () => this.#collect(org)).catch((error) => this.#warn(org, error));
  }

  /** Removes values that no revision names from the platform. */
  async #collect(org: string): Promise<void> {
    const { store, platform } = this.#options;
    const { secrets = {}, endpoints = new Map<string, EndpointRecord>() } = store.org(org) ?? {};
    const named = new Set<string>();
    for (const record of endpoints.values())
      for (const { secrets = {} } of revisionsOf(record))
        for (const [name, version] of Object.entries(secrets)) named.add(`${name}.${version}`);
    const removed = new Set<string>();
    for (const [name, { former }] of Object.entries(secrets)) {
      for (const version of former) {
        if (named.has(`${name}.${version}`)) continue;
        await platform.removeSecret(org, { name, version });
        removed.add(`${name}.${version}`);
      }
    }
    if (removed.size > 0 && store.hasOrg(org)) await store.changeSecrets(org, (latest) => without(latest, removed));
  }

  #warn(org: string, error: unknown): void {
    if (this.#stopping) return;
    this.#options.log.warn({ err: error, org }, "failed to remove previous values of secrets, will retry");
  }
}

const uses = (record: EndpointRecord, name: string) =>
  revisionsOf(record).some((revision) => usesSecret(revision, name));

const hasHookWith = (record: EndpointRecord, name: string) =>
  revisionsOf(record).some((revision) => verifiesWith(revision, name));

function usersOf(name: string, endpoints: Iterable<readonly [string, EndpointRecord]>): string[] {
  return Array.from(endpoints)
    .flatMap(([endpoint, record]) => (uses(record, name) || hasHookWith(record, name) ? [endpoint] : []))
    .sort();
}

/** Returns the setting that has the secret in a revision of an endpoint. */
function settingWith(name: string, record: EndpointRecord | undefined): string {
  const references = (record ? revisionsOf(record) : []).flatMap(({ settings }) =>
    Object.entries(settings.secrets ?? {}),
  );
  const variable = references.find(([, secret]) => secret === name)?.[0];
  return variable === undefined ? "hooks" : `secrets.${variable}`;
}

function inUse(org: string, name: string, users: readonly string[], setting: string): FaasError {
  const shown = users.map((endpoint) => `${org}/${endpoint}`);
  const [first, each] = [shown[0], users.length > 1 ? " and the like for the others" : ""];
  return new FaasError(
    "SECRET_IN_USE",
    `The secret "${name}" is used by ${shown.join(", ")}. Run "faas config ${first} --unset ${setting}"${each}, or remove the endpoint, and then remove the secret`,
    { extensions: { endpoints: users } },
  );
}

/** True when the platform may hold values other than the newest. */
const hasPrevious = (secrets: SecretRecords) => Object.values(secrets).some(({ former }) => former.length > 0);

function without(secrets: SecretRecords, removed: ReadonlySet<string>): SecretRecords {
  return Object.fromEntries(
    Object.entries(secrets).flatMap(([name, record]) => {
      const former = record.former.filter((version) => !removed.has(`${name}.${version}`));
      return record.version === undefined && former.length === 0 ? [] : [[name, { ...record, former }]];
    }),
  );
}
