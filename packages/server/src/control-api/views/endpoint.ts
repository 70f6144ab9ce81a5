import {
  type EndpointPhase,
  type EndpointRef,
  type EndpointView,
  endpointKey,
  formatArtifact,
  type ReplicaFailure,
} from "@faas/core";
import type { EndpointRegistry, ServedEndpoint } from "@faas/gateway";
import type { EndpointRecord } from "../../state/store.ts";

/**
 * Builds the response body for an endpoint: its record, and its replicas.
 * @param origin the origin that the client reached the server by
 */
export function viewEndpoint(
  ref: EndpointRef,
  record: EndpointRecord,
  endpoints: EndpointRegistry,
  origin: string,
): EndpointView {
  const served = endpoints.get(endpointKey(ref));
  const failure = record.failure ?? served?.status?.failure ?? lastExit(served);
  return {
    org: ref.org,
    endpoint: ref.endpoint,
    url: `${origin}/${endpointKey(ref)}`,
    phase: phaseOf(record, served),
    revision: record.current.id,
    ...(record.candidate === undefined ? {} : { deploying: record.candidate.id }),
    image: formatArtifact(record.current.artifact),
    settings: record.current.settings,
    createdAt: record.createdAt,
    updatedAt: record.updatedAt,
    replicas: (served?.status?.replicas ?? []).map(({ id, ready, revision, cpuMillis, start }) => ({
      id,
      ready,
      revision,
      inFlight: served?.replicas.find((replica) => replica.id === id)?.inFlight ?? 0,
      ...(cpuMillis === undefined ? {} : { cpuMillis }),
      ...(start === undefined ? {} : { start }),
    })),
    ...(served?.limited === undefined ? {} : { limited: served.limited }),
    ...(failure === undefined ? {} : { failure }),
  };
}

/** Returns how the last replica ended, when replicas are desired and none is ready. */
function lastExit(served: ServedEndpoint | undefined): ReplicaFailure | undefined {
  if (served === undefined || served.desired === 0 || served.replicas.length > 0) return undefined;
  const exited = served.status?.ended?.at(-1);
  if (exited === undefined) return undefined;
  const { id: _, ...failure } = exited;
  return failure;
}

function phaseOf(record: EndpointRecord, served: ServedEndpoint | undefined): EndpointPhase {
  if (record.unproven) return record.failure?.revision === record.current.id ? "failed" : "deploying";
  if (record.candidate) return "deploying";
  if (served === undefined) return "idle";
  if (served.replicas.length > 0) return "ready";
  if (served.failure()) return "failed";
  return served.desired > 0 ? "starting" : "idle";
}
