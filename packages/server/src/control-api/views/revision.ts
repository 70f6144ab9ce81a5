import { formatArtifact, type Revision, type RevisionDetails, type RevisionView } from "@faas/core";
import { candidateRevision, type EndpointRecord, keptRevisions, servingRevision } from "../../state/records.ts";

/** Builds the response body for the revisions of an endpoint, newest first. */
export function viewRevisions(record: EndpointRecord): RevisionView[] {
  const candidate = candidateRevision(record);
  return [
    ...(candidate ? [{ ...viewRevision(candidate), state: "deploying", share: 0 } as const] : []),
    viewServing(record),
    ...keptRevisions(record).map(({ revision, servedUntil, failed }) => ({
      ...viewRevision(revision),
      state: failed ? ("failed" as const) : ("kept" as const),
      share: 0,
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
  return { ...viewRevision(serving), state, share: 100 };
}

const viewRevision = ({ id, createdAt, artifact, warm, origin }: Revision) => ({
  revision: id,
  createdAt,
  image: formatArtifact(artifact),
  ...(warm === undefined ? {} : { warm }),
  ...(origin === undefined ? {} : { origin }),
});
