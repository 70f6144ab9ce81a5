import type { Readable, Writable } from "node:stream";

/** Everything that a command may use of its process, so that tests can run commands in their own process. */
export interface Io {
  /** Data, and nothing else. */
  readonly stdout: Writable & { isTTY?: boolean; columns?: number };
  /** Status, warnings and errors. */
  readonly stderr: Writable & { isTTY?: boolean; columns?: number; rows?: number };
  readonly stdin: Readable & { isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Exit code of the process when no error decides it; a command sets it to 1 to fail without an error. */
  exitCode: number;
}

/** Options of every command. */
export interface GlobalOptions {
  readonly server?: string;
  readonly ca?: string;
  readonly verbose?: boolean;
}
