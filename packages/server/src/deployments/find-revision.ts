import { type EndpointRef, endpointKey, FaasError, nearest, type Revision } from "@faas/core";
import { candidateRevision, type EndpointRecord, keptRevisions, servingRevision } from "../state/records.ts";

/** Returns all revisions of an endpoint: the one that is being deployed, the serving one, and those that are kept, newest first. */
export function allRevisions(record: EndpointRecord): readonly Revision[] {
  const candidate = candidateRevision(record);
  const kept = keptRevisions(record).map(({ revision }) => revision);
  return [...(candidate ? [candidate] : []), servingRevision(record), ...kept];
}

/**
 * Returns the revision of an endpoint with a tag, with an id, or with an id that begins with the text.
 *
 * @throws REVISION_NOT_FOUND with the most similar id
 * @throws INVALID_REQUEST when several ids begin with the text
 */
export function findRevision(ref: EndpointRef, record: EndpointRecord, reference: string): Revision {
  const all = allRevisions(record);
  const { tags = {} } = record.traffic ?? {};
  const start = Object.hasOwn(tags, reference) ? (tags[reference] as string) : reference;
  const found = all.filter(({ id }) => id.startsWith(start));
  const [first] = found;
  if (first === undefined) throw revisionNotFound(ref, all, reference);
  if (found.length === 1) return first;
  throw new FaasError(
    "INVALID_REQUEST",
    `Expected more of the id: several revisions of ${endpointKey(ref)} begin with "${reference}": ${listed(found)}`,
  );
}

/**
 * Returns the revision that served before the target: during a deployment the serving one.
 *
 * @throws REVISION_NOT_FOUND when there is none
 */
export function previousRevision(ref: EndpointRef, record: EndpointRecord): Revision {
  if (candidateRevision(record)) return servingRevision(record);
  const previous = keptRevisions(record).find(({ servedUntil }) => servedUntil !== undefined);
  if (previous) return previous.revision;
  throw new FaasError(
    "REVISION_NOT_FOUND",
    `No revision of ${endpointKey(ref)} served before ${servingRevision(record).id}; "faas revisions ${endpointKey(ref)}" lists all`,
  );
}

/** Number of ids that an error lists. */
const MAX_LISTED = 5;

function listed(revisions: readonly Revision[]): string {
  const more = revisions.length > MAX_LISTED ? ` and ${revisions.length - MAX_LISTED} more` : "";
  const ids = revisions.slice(0, MAX_LISTED).map(({ id }) => id);
  return `${ids.join(", ")}${more}`;
}

function revisionNotFound(ref: EndpointRef, all: readonly Revision[], reference: string): FaasError {
  const key = endpointKey(ref);
  // The reference can be the beginning of an id.
  const similar = nearest(
    reference,
    all.map(({ id }) => id.slice(0, reference.length)),
  );
  const suggestion = similar === undefined ? undefined : all.find(({ id }) => id.startsWith(similar))?.id;
  return new FaasError(
    "REVISION_NOT_FOUND",
    `${key} has no revision "${reference}": it has ${listed(all)}; "faas revisions ${key}" shows them`,
    suggestion === undefined ? {} : { extensions: { suggestion } },
  );
}
