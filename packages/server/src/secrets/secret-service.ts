import { randomBytes } from "node:crypto";
import { FaasError, type Platform, SECRETS_MAX, type SecretSet, type SecretView } from "@faas/core";
import type { Logger } from "pino";
import type { DeploymentController } from "../deployments/controller.ts";
import { KeyedMutex } from "../lib/keyed-mutex.ts";
import { noSuchSecret, type SecretRecords, secretNames, usesSecret } from "../state/secret-records.ts";
import { revisionsOf } from "../state/state.ts";
import type { EndpointRecord, Store } from "../state/store.ts";

export interface SecretsOptions {
  readonly store: Store;
  readonly platform: Pick<Platform, "putSecret" | "removeSecret" | "notReady">;
  readonly deployments: DeploymentController;
  readonly log: Logger;
}

const VERSION_BYTES = 6;

/**
 * The secrets of organizations: which there are, and that those who use one get its newest value. The values go to the platform and are kept nowhere
 * else (docs/decisions/0021-versioned-secrets.md).
 */
export class SecretService {
  readonly #options: SecretsOptions;
  /** Changes of an organization's secrets are made one after the other. */
  readonly #turns = new KeyedMutex();
  #stopping = false;

  constructor(options: SecretsOptions) {
    this.#options = options;
    options.deployments.onConcluded = (org) => this.#collectSoon(org);
  }

  /** What a former server began and did not finish. */
  start(): void {
    const { store } = this.#options;
    for (const org of store.orgs()) {
      if (Object.keys(store.org(org)?.secrets ?? {}).length === 0) continue;
      this.#rollAll(org, () => true).catch((error) => this.#warn(org, error));
      this.#collectSoon(org);
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#turns.settled();
  }

  /** Sorted by name. */
  list(org: string): SecretView[] {
    const { secrets = {}, endpoints = new Map<string, EndpointRecord>() } = this.#options.store.org(org) ?? {};
    return secretNames(secrets).map((name) => ({
      name,
      setAt: secrets[name]?.setAt ?? "",
      endpoints: usersOf(name, endpoints),
    }));
  }

  /** Gives it a value, and begins to deploy it to those who use it. SECRETS_FULL, ORG_NOT_FOUND, CLUSTER_*. */
  async set(org: string, name: string, value: string): Promise<SecretSet & { readonly isNew: boolean }> {
    const { store, deployments, platform } = this.#options;
    if (platform.notReady) throw platform.notReady;
    await deployments.applyOrg(org);
    await store.putOrg(org);
    const version = randomBytes(VERSION_BYTES).toString("hex");
    const { isNew, setAt } = await this.#turns.run(org, () => this.#set(org, name, version, value));
    const rolls = await this.#rollAll(org, (record) => uses(record, name));
    this.#collectSoon(org);
    return { name, setAt, rolls, isNew };
  }

  /** SECRET_NOT_FOUND, SECRET_IN_USE. */
  async remove(org: string, name: string): Promise<void> {
    const { store, platform } = this.#options;
    if (platform.notReady) throw platform.notReady;
    await this.#turns.run(org, async () => {
      await store.changeSecrets(org, (secrets, endpoints) => {
        const record = Object.hasOwn(secrets, name) ? secrets[name] : undefined;
        if (record?.version === undefined) throw noSuchSecret(org, name, secrets);
        const users = usersOf(name, endpoints);
        if (users.length > 0) throw inUse(org, name, users);
        const { version, ...rest } = record;
        return { ...secrets, [name]: { ...rest, former: [...rest.former, version] } };
      });
      await this.#collect(org);
    });
  }

  /** The state knows of the value before the platform has it, so that none is left there that nobody knows of. */
  async #set(org: string, name: string, version: string, value: string): Promise<{ isNew: boolean; setAt: string }> {
    const { store, platform } = this.#options;
    const setAt = new Date().toISOString();
    let isNew = true;
    await store.changeSecrets(org, (secrets) => {
      const before = Object.hasOwn(secrets, name) ? secrets[name] : undefined;
      isNew = before?.version === undefined;
      if (before === undefined && Object.keys(secrets).length >= SECRETS_MAX)
        throw new FaasError("SECRETS_FULL", `${org} has ${SECRETS_MAX} secrets, and that is the most: remove some`);
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
      // The organization may have been removed meanwhile, and what the state knew of it too.
      await platform.removeSecret(org, { name, version }).catch(() => {});
      this.#collectSoon(org);
      throw error;
    }
    return { isNew, setAt };
  }

  async #rollAll(org: string, which: (record: EndpointRecord) => boolean): Promise<SecretSet["rolls"]> {
    const { store, deployments } = this.#options;
    const users = Array.from(store.org(org)?.endpoints ?? []).filter(([, record]) => which(record));
    const rolls = await Promise.all(
      users.map(async ([endpoint]) => ({ endpoint, revision: await deployments.renew({ org, endpoint }) })),
    );
    return rolls.flatMap(({ endpoint, revision }) => (revision === undefined ? [] : [{ endpoint, revision }]));
  }

  #collectSoon(org: string): void {
    const secrets = this.#options.store.org(org)?.secrets;
    if (this.#stopping || secrets === undefined || !hasFormer(secrets)) return;
    this.#turns.run(org, () => this.#collect(org)).catch((error) => this.#warn(org, error));
  }

  /** Has the platform forget values that no revision names any more. */
  async #collect(org: string): Promise<void> {
    const { store, platform } = this.#options;
    const { secrets = {}, endpoints = new Map<string, EndpointRecord>() } = store.org(org) ?? {};
    const named = new Set<string>();
    for (const record of endpoints.values())
      for (const { secrets = {} } of revisionsOf(record))
        for (const [name, version] of Object.entries(secrets)) named.add(`${name}.${version}`);
    const gone = new Set<string>();
    for (const [name, { former }] of Object.entries(secrets)) {
      for (const version of former) {
        if (named.has(`${name}.${version}`)) continue;
        await platform.removeSecret(org, { name, version });
        gone.add(`${name}.${version}`);
      }
    }
    if (gone.size > 0 && store.hasOrg(org)) await store.changeSecrets(org, (latest) => without(latest, gone));
  }

  #warn(org: string, error: unknown): void {
    if (this.#stopping) return;
    this.#options.log.warn({ err: error, org }, "former values of secrets could not be taken away; later again");
  }
}

const uses = (record: EndpointRecord, name: string) =>
  revisionsOf(record).some((revision) => usesSecret(revision, name));

function usersOf(name: string, endpoints: Iterable<readonly [string, EndpointRecord]>): string[] {
  return Array.from(endpoints)
    .flatMap(([endpoint, record]) => (uses(record, name) ? [endpoint] : []))
    .sort();
}

function inUse(org: string, name: string, users: readonly string[]): FaasError {
  const shown = users.map((endpoint) => `${org}/${endpoint}`).join(", ");
  const them = users.length > 1 ? "them" : "it";
  return new FaasError(
    "SECRET_IN_USE",
    `The secret "${name}" is used by ${shown}: deploy ${them} without it, or remove ${them}, and then remove the secret`,
    { extensions: { endpoints: users } },
  );
}

const hasFormer = (secrets: SecretRecords) => Object.values(secrets).some(({ former }) => former.length > 0);

function without(secrets: SecretRecords, gone: ReadonlySet<string>): SecretRecords {
  return Object.fromEntries(
    Object.entries(secrets).flatMap(([name, record]) => {
      const former = record.former.filter((version) => !gone.has(`${name}.${version}`));
      return record.version === undefined && former.length === 0 ? [] : [[name, { ...record, former }]];
    }),
  );
}
