import {
  type EndpointPhase,
  type EndpointRef,
  type EndpointView,
  endpointKey,
  formatArtifact,
  type ReplicaFailure,
} from "@faas/core";
import type { EndpointRegistry, ServedEndpoint } from "@faas/gateway";
import { awaitsFirstReady, candidateRevision, type EndpointRecord, servingRevision } from "../../state/records.ts";

/** An endpoint as the control API shows it: what is on disk, and what runs. `origin` is where the client reached the server. */
export function viewEndpoint(
  ref: EndpointRef,
  record: EndpointRecord,
  endpoints: EndpointRegistry,
  origin: string,
): EndpointView {
  const live = endpoints.get(endpointKey(ref));
  const serving = servingRevision(record);
  const candidate = candidateRevision(record);
  const failure = record.failure ?? live?.status?.failure ?? lastEnd(live);
  return {
    org: ref.org,
    endpoint: ref.endpoint,
    url: `${origin}/${endpointKey(ref)}`,
    phase: phaseOf(record, live),
    revision: serving.id,
    ...(candidate === undefined ? {} : { deploying: candidate.id }),
    image: formatArtifact(serving.artifact),
    settings: serving.settings,
    createdAt: record.createdAt,
    updatedAt: record.updatedAt,
    replicas: (live?.status?.replicas ?? []).map(({ id, ready, revision, cpuMillis, start }) => ({
      id,
      ready,
      revision,
      inFlight: live?.replicas.find((replica) => replica.id === id)?.inFlight ?? 0,
      ...(cpuMillis === undefined ? {} : { cpuMillis }),
      ...(start === undefined ? {} : { start }),
    })),
    ...(live?.limited === undefined ? {} : { limited: live.limited }),
    ...(failure === undefined ? {} : { failure }),
  };
}

/** Why nothing is ready though something is wanted. */
function lastEnd(live: ServedEndpoint | undefined): ReplicaFailure | undefined {
  if (live === undefined || live.desired === 0 || live.replicas.length > 0) return undefined;
  const ended = live.status?.ended?.at(-1);
  if (ended === undefined) return undefined;
  const { id: _, ...failure } = ended;
  return failure;
}

function phaseOf(record: EndpointRecord, live: ServedEndpoint | undefined): EndpointPhase {
  if (awaitsFirstReady(record)) return record.failure?.revision === servingRevision(record).id ? "failed" : "deploying";
  if (candidateRevision(record)) return "deploying";
  if (live === undefined) return "idle";
  if (live.replicas.length > 0) return "ready";
  if (live.failure()) return "failed";
  return live.desired > 0 ? "starting" : "idle";
}
