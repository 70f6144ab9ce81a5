import type { EndpointRef } from "../endpoints/endpoint-key.ts";
import type { LogFilter } from "./log-filter.ts";
import type { LogLine } from "./log-line.ts";

export interface LogOptions {
  /** Continues with new lines, over replicas and revisions, until the signal aborts. */
  readonly follow?: boolean;
  /** Maximum number of past lines; all stored ones when absent. */
  readonly tail?: number;
  /** Only lines since this time, milliseconds since the epoch. */
  readonly sinceMs?: number;
  /** Only lines of this replica. */
  readonly replica?: string;
  /** Includes the lines of calls. */
  readonly access?: boolean;
  readonly filter?: LogFilter;
  readonly signal?: AbortSignal;
}

/** Log of one endpoint. */
export interface EndpointLog {
  /** Appends a line that a replica printed. When it returns a promise, the writer has to wait for it before it appends more. */
  append(line: LogLine): Promise<void> | undefined;
  /** Reads lines, oldest first. */
  read(options: LogOptions): AsyncIterable<LogLine>;
}

/** Logs of endpoints, where a platform writes the lines that replicas print. The control server owns and removes them. */
export interface LogSink {
  open(ref: EndpointRef): EndpointLog;
}

/** Discards all lines. */
export const NO_LOGS: LogSink = { open: () => ({ append: () => undefined, async *read() {} }) };
