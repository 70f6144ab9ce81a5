import {
  type EndpointPhase,
  type EndpointRef,
  type EndpointView,
  endpointKey,
  formatArtifact,
  type ReplicaFailure,
  revisionsInTraffic,
  variantRef,
} from "@faas/core";
import type { EndpointRegistry, ServedEndpoint } from "@faas/gateway";
import { awaitsFirstReady, candidateRevision, type EndpointRecord, servingRevision } from "../../state/records.ts";
import { viewTraffic } from "../../variants/view-traffic.ts";

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
  const variants = variantsOf(ref, record, endpoints);
  const serving = servingRevision(record);
  const candidate = candidateRevision(record);
  const limited = served?.limited ?? lackOfRoom(served);
  const failure = record.failure ?? served?.status?.failure ?? lastExit(served);
  return {
    org: ref.org,
    endpoint: ref.endpoint,
    url: `${origin}/${endpointKey(ref)}`,
    phase: phaseOf(record, served, variants),
    revision: serving.id,
    ...(serving.origin === undefined ? {} : { origin: serving.origin }),
    ...(candidate === undefined ? {} : { deploying: candidate.id }),
    image: formatArtifact(serving.artifact),
    ...(serving.warm === undefined ? {} : { warm: serving.warm }),
    settings: serving.settings,
    createdAt: record.createdAt,
    updatedAt: record.updatedAt,
    ...viewAllReplicas(record, served, variants),
    ...(record.traffic === undefined ? {} : { traffic: viewTraffic(record, Date.now()) }),
    ...(limited === undefined ? {} : { limited }),
    ...(served?.status?.cpuPending === undefined ? {} : { cpuPending: served.status.cpuPending }),
    ...(failure === undefined ? {} : { failure }),
    ...failuresOf(variants),
  };
}

/** Builds the views of the replicas that calls are meant for, and of the others. */
function viewAllReplicas(
  { traffic }: EndpointRecord,
  served: ServedEndpoint | undefined,
  variants: readonly ServedEndpoint[],
): Pick<EndpointView, "replicas" | "otherReplicas"> {
  const hasShare = ({ spec }: ServedEndpoint) => (traffic?.shares?.[spec.revision] ?? 0) > 0;
  const replicas = [served ?? [], variants.filter(hasShare)].flat().flatMap(viewReplicas);
  const otherReplicas = variants.filter((each) => !hasShare(each)).flatMap(viewReplicas);
  return { replicas, ...(otherReplicas.length > 0 && { otherReplicas }) };
}

const viewReplicas = ({ status, replicas }: ServedEndpoint) =>
  (status?.replicas ?? []).map(({ id, ready, revision, cpuMillis, memoryBytes, start }) => ({
    id,
    ready,
    revision,
    inFlight: replicas.find((replica) => replica.id === id)?.totalInFlight ?? 0,
    ...(cpuMillis === undefined ? {} : { cpuMillis }),
    ...(memoryBytes === undefined ? {} : { memoryBytes: memoryBytes() }),
    ...(start === undefined ? {} : { start }),
  }));

/** Returns what serves the other revisions of an endpoint that run. */
export const variantsOf = (
  ref: EndpointRef,
  { traffic }: EndpointRecord,
  endpoints: Pick<EndpointRegistry, "get">,
): ServedEndpoint[] =>
  traffic === undefined
    ? []
    : [...revisionsInTraffic(traffic)].flatMap((id) => endpoints.get(endpointKey(variantRef(ref, id))) ?? []);

function failuresOf(variants: readonly ServedEndpoint[]): Pick<EndpointView, "otherFailures"> {
  const otherFailures = variants.flatMap(({ status }) => status?.failure ?? []);
  return otherFailures.length === 0 ? {} : { otherFailures };
}

/** Describes the room that replicas wait for. */
function lackOfRoom(served: ServedEndpoint | undefined): string | undefined {
  const lacking = served?.status?.lacksRoom;
  if (served === undefined || lacking === undefined) return undefined;
  return `${lacking.replicas} of ${served.desired} replicas wait for room: ${lacking.detail}`;
}

/** Returns how the last replica ended, when replicas are desired and none is ready. */
function lastExit(served: ServedEndpoint | undefined): ReplicaFailure | undefined {
  if (served === undefined || served.desired === 0 || served.replicas.length > 0) return undefined;
  const exited = served.status?.ended?.at(-1);
  if (exited === undefined) return undefined;
  const { id: _, killed: __, ...failure } = exited;
  return failure;
}

function phaseOf(
  record: EndpointRecord,
  served: ServedEndpoint | undefined,
  variants: readonly ServedEndpoint[],
): EndpointPhase {
  if (awaitsFirstReady(record)) return record.failure?.revision === servingRevision(record).id ? "failed" : "deploying";
  if (candidateRevision(record)) return "deploying";
  if (served === undefined) return "idle";
  const { shares = {} } = record.traffic ?? {};
  const isReady = ({ replicas, spec }: ServedEndpoint) => replicas.length > 0 && (shares[spec.revision] ?? 0) > 0;
  if (served.replicas.length > 0 || variants.some(isReady)) return "ready";
  if (served.failure()) return "failed";
  return served.desired > 0 ? "starting" : "idle";
}
