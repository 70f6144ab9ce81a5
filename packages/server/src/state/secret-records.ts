import { FaasError, nearest, type Revision, type Settings } from "@faas/core";

/** Record of a secret: its newest version, and nothing of its value. The fields are in `state.json` and keep their names. */
interface SecretRecord {
  /** Absent: it has no value yet, or was removed and the platform still has to delete previous ones. */
  readonly version?: string;
  /** Time when it got that value. RFC 3339, UTC. */
  readonly setAt: string;
  /** Other versions that the platform may hold until no revision names them. */
  readonly former: readonly string[];
}

/** Secrets of an organization by name. */
export type SecretRecords = Readonly<Record<string, SecretRecord>>;

/** Returns the names of the secrets that have a value, sorted. */
export function secretNames(secrets: SecretRecords): string[] {
  return Object.keys(secrets)
    .filter((name) => secrets[name]?.version !== undefined)
    .sort();
}

/**
 * Returns the newest version of each secret that the settings name; undefined when they name none.
 *
 * @throws SECRET_NOT_FOUND with the existing names
 */
export function newestVersions(org: string, settings: Settings, secrets: SecretRecords = {}): Revision["secrets"] {
  // Hooks use the newest version of a secret, whatever the revision.
  for (const { secret } of settings.hooks ?? [])
    if (!Object.hasOwn(secrets, secret) || secrets[secret]?.version === undefined)
      throw noSuchSecret(org, secret, secrets);
  if (settings.secrets === undefined) return undefined;
  const versions = Object.values(settings.secrets).map((name) => {
    const version = Object.hasOwn(secrets, name) ? secrets[name]?.version : undefined;
    if (version === undefined) throw noSuchSecret(org, name, secrets);
    return [name, version] as const;
  });
  return Object.fromEntries(versions);
}

/** Returns the error for a name without a secret. */
export function noSuchSecret(org: string, name: string, secrets: SecretRecords): FaasError {
  const names = secretNames(secrets);
  const has = names.length === 0 ? `${org} has none yet` : `${org} has ${names.join(", ")}`;
  const suggestion = nearest(name, names);
  return new FaasError(
    "SECRET_NOT_FOUND",
    `There is no secret "${name}": ${has}. "faas secret set ${org} ${name}" creates it`,
    suggestion === undefined ? {} : { extensions: { suggestion } },
  );
}

/** True when the function of a revision gets a secret. */
export const usesSecret = ({ settings }: Revision, name: string): boolean =>
  Object.values(settings.secrets ?? {}).includes(name);

/** True when a revision has a hook whose sender signs with a secret. */
export const verifiesWith = ({ settings }: Revision, name: string): boolean =>
  settings.hooks?.some(({ secret }) => secret === name) ?? false;
