import type { GatewayProgram } from "../gateway-processes/gateway-processes.ts";

/** Options of a control server whose calls are served by gateways in other processes. */
export interface GatewaysOptions {
  /**
   * Address for gateways on other machines, and the file with their token.
   *
   * @defaultValue a Unix socket in the data folder
   */
  readonly listen?: { readonly host: string; readonly port: number; readonly tokenFile: string };
  /** Gateways that this server runs as its child processes, on its own port. Absent: others start them. */
  readonly processes?: GatewayProgram;
}
