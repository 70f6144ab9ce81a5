import type { Readable, Writable } from "node:stream";

/** Everything that a command may touch of its surroundings, so that tests run commands in their own process. */
export interface Io {
  /** Data, and nothing else. */
  readonly stdout: Writable & { isTTY?: boolean; columns?: number };
  /** All talk. */
  readonly stderr: Writable & { isTTY?: boolean; columns?: number };
  readonly stdin: Readable & { isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** What the process will end with, when no error decides: a command may say 1 without one. */
  exitCode: number;
}

/** Options that every command has. */
export interface GlobalOptions {
  readonly server?: string;
  readonly ca?: string;
  readonly verbose?: boolean;
}
