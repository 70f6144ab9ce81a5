import type { RateLimited } from "../endpoints/slot-sharing.ts";
import type { LinkClock } from "../protocol/link.ts";
import type { PeerTransport } from "./peer-dialer.ts";

/** Log for problems in the background; a pino logger fits. */
export interface PeerLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface PeerGroupOptions {
  /** Name of this gateway, unique in the group. */
  readonly name: string;
  /** Its address for the others. */
  readonly address: string;
  /** Secret that all gateways have. Absent where the address itself is protected. */
  readonly token?: string;
  readonly transport: PeerTransport;
  readonly clock: LinkClock;
  /** Runs a function soon, after what is going on now. */
  readonly defer: (run: () => void) => void;
  readonly random: () => number;
  /** Returns an organization that has endpoints. */
  readonly orgOf: (name: string) => RateLimited | undefined;
  readonly log: PeerLog;
  /** Called when this gateway may use slots, for the first time. */
  readonly onJoined?: () => void;
}

/** Another gateway, for display. */
export interface PeerState {
  readonly name: string;
  readonly connected: boolean;
  /** Milliseconds since something was last received from it. */
  readonly silentMs: number;
}
