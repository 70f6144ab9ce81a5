import type { GatewayInfo } from "@faas/core";

export type { GatewayInfo };

/** Gateways in other processes, as other parts of the control server use them. */
export interface GatewaySessions {
  /** Lists the gateways by name. */
  list(): readonly GatewayInfo[];
  /**
   * Expects a gateway that exists, and is not linked yet: until then calls may be going on that nothing reports.
   * @param address for other gateways, if it is known: then new gateways wait for it
   */
  expect(name: string, address?: string): void;
  /** Forgets a gateway that no longer exists, because its process or its pod is gone. */
  gone(name: string): void;
  /** Resolves when all linked gateways have applied everything that was changed so far, after at most ten seconds. Resolves at once without gateways. */
  settled(): Promise<void>;
  /** Resolves when all linked gateways have reported the calls that have ended, after at most a second. Resolves at once without gateways. */
  reported(): Promise<void>;
  /** True while there may be calls that no gateway reports: then no endpoint is idle. */
  readonly mayHaveUnseenCalls: boolean;
}
