import { artifactFields, type Revision, revisionId } from "@faas/core";
import { type EndpointRecord, revisionsOf } from "../state/records.ts";
import { newestVersions, type SecretRecords } from "../state/secret-records.ts";
import type { DecidedDeployment } from "./deploy-request.ts";

/**
 * Returns the revision that a deployment makes of the newest values of secrets, or the one that it makes serve again, if its values are still there.
 *
 * @throws SECRET_NOT_FOUND
 */
export function targetRevisionOf(
  { ref, artifact, settings, set, origin, again }: DecidedDeployment,
  record: EndpointRecord | undefined,
  secrets: SecretRecords | undefined,
  now: string,
): Revision {
  if (again && hasValues(again, record, secrets)) return again;
  const versions = newestVersions(ref.org, settings, secrets);
  return {
    id: revisionId(artifact, settings, versions),
    createdAt: origin?.at ?? now,
    ...artifactFields(artifact),
    settings,
    ...(set && { set }),
    ...(versions && { secrets: versions }),
    ...(origin && { origin }),
  };
}

/** True when the platform has all values of secrets that a revision names: they are the newest, or those of a revision whose replicas run. */
function hasValues(revision: Revision, record: EndpointRecord | undefined, secrets: SecretRecords = {}): boolean {
  const running = record ? revisionsOf(record) : [];
  return Object.entries(revision.secrets ?? {}).every(
    ([name, version]) => secrets[name]?.version === version || running.some((each) => each.secrets?.[name] === version),
  );
}
