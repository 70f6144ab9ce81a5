import { formatArtifact, type Revision, type RevisionDetails, type RevisionView } from "@faas/core";
import { candidateRevision, type EndpointRecord, keptRevisions, servingRevision } from "../../state/records.ts";
import { liveTraffic } from "../../variants/traffic.ts";

/** Builds the response body for the revisions of an endpoint, newest first. */
export function viewRevisions(record: EndpointRecord, nowMs: number = Date.now()): RevisionView[] {
  const { tags = {}, previews = {}, keptWarm } = liveTraffic(record, nowMs);
  return listRevisions(record).map((view) => {
    const { revision } = view;
    const own = Object.keys(tags).filter((tag) => tags[tag] === revision);
    return {
      ...view,
      ...(own.length === 0 ? {} : { tags: own }),
      ...(previews[revision] === undefined ? {} : { preview: previews[revision] }),
      ...(keptWarm?.revision === revision ? { keptWarmUntil: keptWarm.until } : {}),
    };
  });
}

function listRevisions(record: EndpointRecord): RevisionView[] {
  const candidate = candidateRevision(record);
  return [
    ...(candidate
      ? [{ ...viewRevision(candidate), state: "deploying", share: shareOf(record, candidate) } as const]
      : []),
    viewServing(record),
    ...keptRevisions(record).map(({ revision, servedUntil, failed }) => ({
      ...viewRevision(revision),
      state: failed ? ("failed" as const) : ("kept" as const),
      share: shareOf(record, revision),
      ...(servedUntil === undefined ? {} : { servedUntil }),
    })),
  ];
}

/** Builds the response body for one revision of an endpoint. */
export function viewDetails(record: EndpointRecord, { id, settings, secrets }: Revision): RevisionDetails {
  const view = viewRevisions(record).find(({ revision }) => revision === id) ?? viewServing(record);
  return { ...view, settings, ...(secrets === undefined ? {} : { secrets }) };
}

function viewServing(record: EndpointRecord): RevisionView {
  const serving = servingRevision(record);
  const state = record.unproven ? (record.failure?.revision === serving.id ? "failed" : "deploying") : "serving";
  return { ...viewRevision(serving), state, share: shareOf(record, serving) };
}

/** Returns the percentage of the calls that a revision gets. */
function shareOf({ current, traffic }: EndpointRecord, { id }: Revision): number {
  if (traffic?.shares === undefined) return id === current.id ? 100 : 0;
  return traffic.shares[id] ?? 0;
}

const viewRevision = ({ id, createdAt, artifact, warm, origin }: Revision) => ({
  revision: id,
  createdAt,
  image: formatArtifact(artifact),
  ...(warm === undefined ? {} : { warm }),
  ...(origin === undefined ? {} : { origin }),
});
