import type { InstalledServer } from "./installed-server.ts";
import type { SecondNode } from "./second-node.ts";

/** Installation that is exposed to faults, under load. */
export interface FaultContext {
  readonly server: InstalledServer;
  /** True for the durations that docs/faults.md lists. */
  readonly long: boolean;
  /** Calls an idle endpoint, whose replica has to start. The outcome is counted. */
  callCold(): Promise<void>;
  /**
   * Allows requests in flight to fail: a process that has them was killed or is unreachable.
   *
   * @param noticedMs time until others know, which still send requests there
   */
  lost(noticedMs?: number): void;
}

/** Installation with a node that may be lost. */
export interface NodeFaultContext extends FaultContext {
  readonly node: SecondNode;
}

/** A fault, as docs/faults.md names it. */
export interface Fault<C extends FaultContext = FaultContext> {
  /** Name for `--fault`. */
  readonly name: string;
  readonly title: string;
  /** True if the fault concerns gateways, and is impossible without any. */
  readonly needsGateways?: boolean;
  /** True if the fault stops the process that has the clients' connections: streams and sockets may end. */
  readonly endsStreams?: boolean;
  /**
   * Returns the address that the clients use.
   *
   * @defaultValue that of the Service
   */
  address?(context: C): Promise<string | undefined>;
  /** Causes the fault, and returns when it is over. */
  cause(context: C): Promise<void>;
}
