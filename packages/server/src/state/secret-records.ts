import { FaasError, nearest, type Revision, type Settings } from "@faas/core";

/** What the state keeps of a secret: that there is one, and which of its values is the newest. Nothing of the value itself. */
export interface SecretRecord {
  /** Absent: it has no value yet, or was removed, and the platform still has to forget the former ones. */
  readonly version?: string;
  /** When it got that value. RFC 3339, UTC. */
  readonly setAt: string;
  /** Other versions that the platform may have, until no revision names them. */
  readonly former: readonly string[];
}

/** The secrets of an organization, by name. */
export type SecretRecords = Readonly<Record<string, SecretRecord>>;

/** Names of those that have a value, sorted. */
export function secretNames(secrets: SecretRecords): string[] {
  return Object.keys(secrets)
    .filter((name) => secrets[name]?.version !== undefined)
    .sort();
}

/** The newest version of each secret that the settings name; undefined when they name none. SECRET_NOT_FOUND says which there are. */
export function newestVersions(org: string, settings: Settings, secrets: SecretRecords = {}): Revision["secrets"] {
  if (settings.secrets === undefined) return undefined;
  const versions = Object.values(settings.secrets).map((name) => {
    const version = Object.hasOwn(secrets, name) ? secrets[name]?.version : undefined;
    if (version === undefined) throw noSuchSecret(org, name, secrets);
    return [name, version] as const;
  });
  return Object.fromEntries(versions);
}

export function noSuchSecret(org: string, name: string, secrets: SecretRecords): FaasError {
  const names = secretNames(secrets);
  const has = names.length === 0 ? `${org} has none yet` : `${org} has ${names.join(", ")}`;
  const suggestion = nearest(name, names);
  return new FaasError(
    "SECRET_NOT_FOUND",
    `There is no secret "${name}": ${has}. "faas secret set ${org} ${name}" makes it`,
    suggestion === undefined ? {} : { extensions: { suggestion } },
  );
}

/** Whether a revision has a secret. */
export const usesSecret = ({ settings }: Revision, name: string): boolean =>
  Object.values(settings.secrets ?? {}).includes(name);
