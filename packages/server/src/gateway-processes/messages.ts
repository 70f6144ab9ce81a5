/** Messages between the server and the gateways that it starts, over Node's IPC channel. */

/** First message of a gateway: it serves calls. */
export interface GatewayReady {
  readonly type: "ready";
  readonly port: number;
}

/** The gateway could not be started. */
export interface GatewayFailed {
  readonly type: "failed";
  readonly code: string;
  readonly message: string;
}

/** Makes a gateway drain and exit. */
export interface StopGateway {
  readonly type: "stop";
  /** Time for which new and idle connections are still served. */
  readonly idleMs: number;
}

/** The gateways of another server, which shared the port, have ended. */
export interface GatewayAlone {
  readonly type: "alone";
}

export type GatewayOrder = StopGateway | GatewayAlone;
export type GatewayReport = GatewayReady | GatewayFailed;
