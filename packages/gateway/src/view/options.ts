import type { FaasError } from "@faas/core";
import type { EndpointRegistry } from "../endpoints/registry.ts";
import type { ServedEndpoint } from "../endpoints/served-endpoint.ts";
import type { GatewaySharing } from "../endpoints/slot-sharing.ts";
import type { KeyVerifier } from "../keys/key-verifier.ts";
import type { AccessLog } from "../metrics/access-log.ts";
import type { RequestMetrics } from "../metrics/request-metrics.ts";
import type { LinkClock, LinkTransport } from "../protocol/link.ts";
import type { ControlHello, GatewayMember } from "../protocol/messages.ts";

/** State of the link to the control server. */
export type LinkState = "connecting" | "linked" | "away";

/** Log for problems in the background; a pino logger fits. */
export interface ViewLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** A replica as the platform itself reports it to a gateway that can watch it (EndpointSlices). */
export interface PlatformReplica {
  readonly id: string;
  readonly address: string;
  readonly revision: string;
  readonly ready: boolean;
  /** True if it is ending: it gets no new calls, whatever the control server reports. */
  readonly terminating: boolean;
}

/** Names of a gateway, as it introduces itself to the control server. */
export interface GatewayIdentity {
  readonly name: string;
  /** Version of the program. */
  readonly version: string;
  readonly pid: number;
  /** Address for other gateways. */
  readonly peerAddress?: string;
}

export interface ViewClientOptions {
  readonly identity: GatewayIdentity;
  readonly transport: LinkTransport;
  readonly log: ViewLog;
  /** @defaultValue the clock of the system */
  readonly clock?: LinkClock;
  /** Returns a number from 0 to 1, for the jitter of reconnections. @defaultValue Math.random */
  readonly random?: () => number;
  /**
   * Starts replicas of an endpoint without the control server: while the link is lost, or has no effect. Absent: calls wait for the control server.
   */
  readonly wakeDirectly?: (endpoint: ServedEndpoint, replicas: number) => Promise<void>;
  /** Shares slots and rates with other gateways. Absent: there are no others. */
  readonly sharing?: GatewaySharing;
  /** Called when the members of the group of gateways changed. */
  readonly onMembers?: (members: readonly GatewayMember[], isPartial: boolean) => void;
  /** Called when the state of the link changed. */
  readonly onLinkState?: (state: LinkState) => void;
  /** Called when this process cannot continue with the control server that it is linked to: it should end, and be started again. */
  readonly onIncompatible?: (reason: string) => void;
}

/** Age and origin of a gateway's view, for its health and its metrics. */
export interface ViewState {
  readonly link: LinkState;
  /** A snapshot was applied: calls can be served. */
  readonly complete: boolean;
  /** Milliseconds since something was last received from the control server; 0 while linked and current. */
  readonly ageMs: number;
  /** Last applied version. */
  readonly version: number;
  /** Introduction of the control server that it was last linked to. */
  readonly control: ControlHello | undefined;
}

/**
 * View of the control server's state in a gateway with a process of its own, and its reports. `ViewClient` (view-client.ts) implements it on an
 * `EndpointRegistry`, which the pipeline uses like the one in the control server.
 */
export interface GatewayView extends AsyncDisposable {
  readonly registry: EndpointRegistry;
  /** Verifies callers with the hashes of keys that the control server sent. */
  readonly keys: KeyVerifier;
  /** Counts calls, for the control server's statistics and metrics. */
  readonly metrics: RequestMetrics;
  /** Collects access lines for the control server's logs. */
  readonly accessLog: AccessLog;
  readonly state: ViewState;
  /** Returns whether an organization is registered. */
  hasOrg(org: string): boolean;
  /** Returns the reason why no replica can be started, while there is one. */
  notReady(): FaasError | undefined;
  /** Opens the link, and opens it again whenever it breaks. */
  start(): void;
  /** Resolves when the first snapshot has been applied: calls can be served. Rejects with the signal's reason. */
  ready(signal?: AbortSignal): Promise<void>;
  /** Sets the replicas of an endpoint as the platform reports them; used while the link is lost, except that terminating ones never get calls. */
  setPlatformReplicas(key: string, replicas: readonly PlatformReplica[]): void;
  /** Tells the control server and the other gateways that this one drains. */
  beginStop(): void;
  /** Sends the last reports and closes the link. */
  [Symbol.asyncDispose](): Promise<void>;
}
