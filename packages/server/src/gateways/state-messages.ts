import type { KeyRecord, LimitNumbers, Replica, ReplicaFailure } from "@faas/core";
import type {
  EndpointMessage,
  GatewayKey,
  KeyMessage,
  OrgLimitsOnWire,
  OrgMessage,
  ReplicaOnWire,
  ServedEndpoint,
  StatusMessage,
} from "@faas/gateway";

/** Builds the messages of the state that gateways need: the parts that the data path uses, and nothing else. */

export function endpointMessage({ key, spec }: ServedEndpoint): EndpointMessage {
  const { org, endpoint, revision, app, runtime, readyPath, replicas, maxReplicas, scaler, concurrency, timeoutMs } =
    spec;
  const { cpuMillis, memoryBytes, diskBytes, bodyLimitBytes, visibility, hostnames, variantOf, split, tags } = spec;
  return {
    type: "endpoint",
    key,
    spec: {
      ...{ org, endpoint, revision, replicas, maxReplicas, scaler, concurrency, timeoutMs },
      ...{ cpuMillis, memoryBytes, diskBytes, bodyLimitBytes },
      ...(app === undefined ? {} : { app }),
      ...(runtime === undefined ? {} : { runtime }),
      ...(readyPath === undefined ? {} : { readyPath }),
      ...(visibility === undefined ? {} : { visibility }),
      ...(hostnames === undefined ? {} : { hostnames }),
      ...(variantOf === undefined ? {} : { variantOf }),
      ...(split === undefined ? {} : { split }),
      ...(tags === undefined ? {} : { tags }),
    },
  };
}

const LIMITS = [
  ...([
    "replicas",
    "cpuMillis",
    "memoryBytes",
    "diskBytes",
    "requestsPerSecond",
    "burst",
    "concurrentRequests",
  ] as const),
  "bodyBytes",
] as const satisfies readonly (keyof LimitNumbers & keyof OrgLimitsOnWire)[];

export function orgMessage(name: string, limits: LimitNumbers): OrgMessage {
  // JSON has no Infinity.
  const finite = LIMITS.filter((limit) => Number.isFinite(limits[limit])).map((limit) => [limit, limits[limit]]);
  return { type: "org", name, limits: Object.fromEntries(finite) };
}

export function keyMessage(id: string, { name, scope, org, hash, expiresAt }: KeyRecord): KeyMessage {
  const record: GatewayKey = {
    ...{ name, scope, hash },
    ...(org === undefined ? {} : { org }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
  return { type: "key", id, record };
}

/** Builds the messages of statuses: numbers failures, so that a gateway can tell a repeated one from a new one. */
export class StatusMessages {
  readonly #instance: string;
  readonly #sendStart: boolean;
  readonly #addressOf: (replica: Replica) => string | undefined;
  readonly #failureIds = new WeakMap<ReplicaFailure, string>();
  #failures = 0;

  /**
   * @param instance differs between two starts of the control server
   * @param addressOf returns the address at which other processes reach a replica; undefined for one that they cannot reach yet
   * @param sendStart includes the stages of replicas' starts
   */
  constructor(instance: string, addressOf: (replica: Replica) => string | undefined, sendStart = false) {
    this.#instance = instance;
    this.#sendStart = sendStart;
    this.#addressOf = addressOf;
  }

  /** Returns the status of an endpoint; undefined if there is nothing to say: no replica is desired or observed, and none has failed. */
  of(endpoint: ServedEndpoint): StatusMessage | undefined {
    const { desired, status, presentFailure: failure } = endpoint;
    const { replicas = [], ended = [], revision } = status ?? {};
    if (desired === 0 && replicas.length === 0 && failure === undefined && ended.length === 0) return undefined;
    return {
      ...emptyStatus(endpoint.key),
      desired,
      ...(revision === undefined ? {} : { revision }),
      replicas: replicas.flatMap((replica) => this.#replica(replica)),
      ...(failure ? { failure: { id: this.#idOf(failure), ...textOf(failure) } } : {}),
      ...(ended.length === 0
        ? {}
        : { ended: ended.map((each) => ({ id: each.id, ...textOf(each), ...(each.killed ? { killed: true } : {}) })) }),
    };
  }

  #replica(replica: Replica): ReplicaOnWire[] {
    const address = this.#addressOf(replica);
    const { id, ready, revision, start } = replica;
    const stages = this.#sendStart && ready && start !== undefined ? { start } : {};
    return address === undefined ? [] : [{ id, address, ready, revision, ...stages }];
  }

  #idOf(failure: ReplicaFailure): string {
    let id = this.#failureIds.get(failure);
    if (id === undefined) {
      id = `${this.#instance}-${++this.#failures}`;
      this.#failureIds.set(failure, id);
    }
    return id;
  }
}

/** Returns the status of an endpoint without replicas. */
export const emptyStatus = (key: string): StatusMessage => ({ type: "status", key, desired: 0, replicas: [] });

const textOf = ({ revision, code, detail }: ReplicaFailure) => ({ revision, code, detail });
