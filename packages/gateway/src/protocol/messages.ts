import type { EndpointSpec, KeyRecord, StartStage } from "@faas/core";

/**
 * Messages between the control server and gateways in other processes (docs/decisions/0033-gateways-and-their-protocol.md): JSON objects, one on each line,
 * both ways. The protocol is additive: a receiver ignores messages of unknown types and unknown fields, and new fields are optional.
 */

/** Version of the protocol; raised only by a change that is not additive. */
export const PROTOCOL_VERSION = 1;

/** Path that a gateway connects to, with `Upgrade: faas-gateway`. */
export const LINK_PATH = "/-/gateways/link";

/** Name of the protocol in the header `Upgrade`. */
export const LINK_PROTOCOL = "faas-gateway";

/** Interval of `ping`, both ways. */
export const PING_MS = 500;

/** Silence after which a link counts as lost. */
export const LINK_TIMEOUT_MS = 2_000;

/** Part of an endpoint's spec that the data path uses: no environment, secrets, artifact or command. */
export type GatewaySpec = Pick<
  EndpointSpec,
  | "org"
  | "endpoint"
  | "revision"
  | "app"
  | "replicas"
  | "maxReplicas"
  | "scaler"
  | "concurrency"
  | "timeoutMs"
  | "cpuMillis"
  | "memoryBytes"
  | "bodyLimitBytes"
  | "visibility"
  | "hostnames"
  | "variantOf"
  | "split"
  | "tags"
> &
  // For the probes of a gateway without a control server, and absent from an older one.
  Partial<Pick<EndpointSpec, "runtime" | "readyPath" | "diskBytes">>;

/** Part of a key's record that verifies callers. */
export type GatewayKey = Pick<KeyRecord, "name" | "scope" | "org" | "hash" | "expiresAt">;

/** Limits of an organization that the data path uses. Absent: no such limit. */
export interface OrgLimitsOnWire {
  readonly replicas?: number;
  readonly cpuMillis?: number;
  readonly memoryBytes?: number;
  readonly diskBytes?: number;
  readonly requestsPerSecond?: number;
  readonly burst?: number;
  readonly concurrentRequests?: number;
  readonly bodyBytes?: number;
}

/** A replica, as the control server observes it. */
export interface ReplicaOnWire {
  readonly id: string;
  /** `host:port`, or `unix:` and the path of a Unix socket. */
  readonly address: string;
  readonly ready: boolean;
  readonly revision: string;
  /** Observed stages of its start, for traces; absent where nothing is traced. */
  readonly start?: readonly StartStage[];
}

/** Reason why replicas cannot start, or ended. */
export interface FailureOnWire {
  /** Differs between two failures with the same text, and is the same for a failure that is sent again. */
  readonly id: string;
  readonly revision: string;
  readonly code: string;
  readonly detail: string;
}

/** A replica that ended without being stopped. */
export interface EndedReplicaOnWire {
  readonly id: string;
  readonly revision: string;
  readonly code: string;
  readonly detail: string;
  readonly killed?: boolean;
}

/** Another gateway of the same control server. */
export interface GatewayMember {
  readonly name: string;
  /** Address for other gateways: `host:port`, or `unix:` and a path. */
  readonly address: string;
}

/** First message of the control server. */
export interface ControlHello {
  readonly type: "hello";
  readonly protocol: number;
  /** Version of the program. */
  readonly version: string;
  /** Differs between two starts of the control server: `FailureOnWire.id` and versions are not comparable. */
  readonly instance: string;
  /** Name of the platform. */
  readonly platform: string;
  /** Endpoints that are not public require keys. */
  readonly requiresKeys: boolean;
}

/** The whole state follows; what is not in it no longer exists. Changes may be among it. */
export interface SnapshotBegin {
  readonly type: "snapshot-begin";
}

/** End of the snapshot: now the gateway removes what was not in it. */
export interface SnapshotEnd {
  readonly type: "snapshot-end";
}

/** A new endpoint, or a new serving revision. */
export interface EndpointMessage {
  readonly type: "endpoint";
  /** "org/endpoint". */
  readonly key: string;
  readonly spec: GatewaySpec;
}

export interface EndpointRemoved {
  readonly type: "endpoint-removed";
  readonly key: string;
}

/** Desired and observed replicas. An endpoint without a status in a snapshot has no replicas, desired or observed. */
export interface StatusMessage {
  readonly type: "status";
  readonly key: string;
  /** Replicas that the platform was asked to run. */
  readonly desired: number;
  /** Revision that was applied last; absent before the first observation. */
  readonly revision?: string;
  readonly replicas: readonly ReplicaOnWire[];
  /** Failure of the present attempt to start replicas. */
  readonly failure?: FailureOnWire;
  readonly ended?: readonly EndedReplicaOnWire[];
}

export interface OrgMessage {
  readonly type: "org";
  readonly name: string;
  readonly limits: OrgLimitsOnWire;
}

export interface OrgRemoved {
  readonly type: "org-removed";
  readonly name: string;
}

export interface KeyMessage {
  readonly type: "key";
  readonly id: string;
  readonly record: GatewayKey;
}

/** Streams and WebSockets that the key opened end. */
export interface KeyRemoved {
  readonly type: "key-removed";
  readonly id: string;
}

/** All gateways that share the calls, the receiver included. */
export interface GatewaysMessage {
  readonly type: "gateways";
  readonly members: readonly GatewayMember[];
  /** The control server started a moment ago: there may be others that have not opened their links again. */
  readonly partial?: boolean;
}

/** Reason why no replica can be started yet; without fields: they can. */
export interface NotReadyMessage {
  readonly type: "not-ready";
  readonly code?: string;
  readonly detail?: string;
}

/** End of a batch of changes. The gateway acknowledges it when it has applied everything before it. */
export interface VersionMessage {
  readonly type: "version";
  readonly version: number;
}

/** Replicas that a gateway asked for cannot be started: calls that wait for a first replica fail. */
export interface WakeFailed {
  readonly type: "wake-failed";
  readonly key: string;
  readonly code: string;
  readonly detail: string;
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** Asks for the calls that have ended and were not reported: somebody wants to see them. */
export interface ReportRequest {
  readonly type: "report";
  /** Number of the request, which is in the answer. */
  readonly number: number;
}

/** Sign of life. */
export interface Ping {
  readonly type: "ping";
}

export type ControlMessage =
  | ControlHello
  | SnapshotBegin
  | SnapshotEnd
  | EndpointMessage
  | EndpointRemoved
  | StatusMessage
  | OrgMessage
  | OrgRemoved
  | KeyMessage
  | KeyRemoved
  | GatewaysMessage
  | NotReadyMessage
  | VersionMessage
  | WakeFailed
  | ReportRequest
  | Ping;

/** First message of a gateway. */
export interface GatewayHello {
  readonly type: "hello";
  readonly protocol: number;
  /** Version of the program. */
  readonly version: string;
  /** Name, unique among the gateways of a control server. A second link with the same name replaces the first. */
  readonly name: string;
  /** Address for other gateways; absent: it does not talk to others. */
  readonly peerAddress?: string;
  readonly pid: number;
  /** Members that it knows of: a control server that was started again expects them. Absent: it never had a list. */
  readonly members?: readonly GatewayMember[];
  /** True if it drains already (`stopping`). */
  readonly stopping?: boolean;
}

/** The gateway has applied everything up to the version. */
export interface Ack {
  readonly type: "ack";
  readonly version: number;
}

/** Calls wait for an endpoint that has no replicas. */
export interface WakeMessage {
  readonly type: "wake";
  readonly key: string;
}

/** Load of one endpoint at the gateway: key, calls in flight, calls that wait, calls that arrived since the last report, and calls in flight by replica. */
export type EndpointLoad = readonly [
  key: string,
  inFlight: number,
  waiting: number,
  arrivals: number,
  replicas?: Readonly<Record<string, number>>,
];

/** Loads that changed. The first report of a link has every endpoint with calls. */
export interface LoadMessage {
  readonly type: "load";
  readonly endpoints: readonly EndpointLoad[];
}

/** Finished calls with the same status: sum of their milliseconds, and counts by the bucket of their duration (metrics/duration-buckets.ts). */
export type CallsByStatus = readonly [
  status: number,
  coldStarts: number,
  sumMs: number,
  buckets: readonly (readonly [bucket: number, count: number])[],
];

export interface EndpointCalls {
  readonly key: string;
  readonly calls?: readonly CallsByStatus[];
  /** Rejected calls by the limit that they exceeded. */
  readonly limited?: Readonly<Record<string, number>>;
}

/** Calls that ended since the last report. */
export interface CallsMessage {
  readonly type: "calls";
  readonly endpoints: readonly EndpointCalls[];
}

/** Stored access lines by endpoint; each line ends with a line break. */
export interface AccessMessage {
  readonly type: "access";
  readonly lines: Readonly<Record<string, string>>;
}

/** Answer to `report`, after the messages with the calls. */
export interface Reported {
  readonly type: "reported";
  readonly number: number;
}

/** A key was used; sent at most once an hour for each. */
export interface KeyUsed {
  readonly type: "key-used";
  readonly id: string;
}

/** The gateway drains: it is no longer a member, and continues to report. */
export interface Stopping {
  readonly type: "stopping";
}

export type GatewayMessage =
  | GatewayHello
  | Ack
  | WakeMessage
  | LoadMessage
  | CallsMessage
  | AccessMessage
  | Reported
  | KeyUsed
  | Stopping
  | Ping;
