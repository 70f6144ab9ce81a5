/** State of a gateway in another process, as operators see it. */
export interface GatewayInfo {
  readonly name: string;
  /** Version of its program. */
  readonly version: string;
  readonly pid: number;
  /** Address for other gateways. */
  readonly peerAddress?: string;
  /** `linked`; `draining`: linked, and about to end; `lost`: its link broke, and it may still serve calls. */
  readonly state: "linked" | "draining" | "lost";
  /** Milliseconds since the oldest change that it has not confirmed; 0 if its view is current. */
  readonly viewAgeMs: number;
  /** Calls in flight and waiting, as of its last report. */
  readonly inFlight: number;
  readonly waiting: number;
}

/** Gateways in other processes, as other parts of the control server use them. */
export interface GatewaySessions {
  /** Lists the gateways by name. */
  list(): readonly GatewayInfo[];
  /** Expects a gateway that exists, and is not linked yet: until then calls may be going on that nothing reports. */
  expect(name: string): void;
  /** Forgets a gateway that no longer exists, because its process or its pod is gone. */
  gone(name: string): void;
  /** Resolves when all linked gateways have applied everything that was changed so far, after at most a second. Resolves at once without gateways. */
  settled(): Promise<void>;
  /** True while there may be calls that no gateway reports: then no endpoint is idle. */
  readonly mayHaveUnseenCalls: boolean;
}
