import { join } from "node:path";
import { socketFolder } from "../lib/socket-path.ts";
import type { Predecessor } from "../options.ts";

/** Messages between a server and its successor: JSON objects, one on each line. Additive, as they are between two versions of the program. */

/** First message of a successor. */
export interface TakeOver {
  readonly type: "take-over";
  readonly pid: number;
}

/** The server has released the data folder, and serves calls until the successor is ready. */
export interface Released extends Predecessor {
  readonly type: "released";
  readonly pid: number;
}

/** The server cannot be replaced now. */
export interface Refused {
  readonly type: "refused";
  readonly reason: string;
}

/** The successor serves calls. */
export interface Ready {
  readonly type: "ready";
  /** Path of a Unix socket on which it serves the control API. */
  readonly control: string;
}

export type ServerMessage = Released | Refused;
export type SuccessorMessage = TakeOver | Ready;

/** Returns the path of the socket on which a successor serves the control API until its predecessor has ended. */
export const successorSocket = (dataDir: string): string => join(socketFolder(dataDir, "control"), "successor.sock");

/** Returns the path of the socket on which the server of a data folder waits for a successor. */
export const takeoverSocket = (dataDir: string): string => join(socketFolder(dataDir, "control"), "takeover.sock");
