import { constants } from "node:os";
import type { EndpointSpec, ErrorCode } from "@faas/core";

/** Reason why a server does not run. */
export interface ServerFailure {
  readonly code: ErrorCode;
  readonly detail: string;
}

/** Observed end of a server's process. */
export interface ServerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly wasServing: boolean;
}

/** Exit codes of a shell for a program that is missing, and for one that cannot be executed. */
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;
const PORT_TAKEN = /EADDRINUSE|address already in use|Only one usage of each socket address/i;

/** Returns the command as a person would type it. */
const commandText = ({ command = [] }: EndpointSpec) =>
  command[0] === "/bin/sh" && command[1] === "-c" && command.length === 3 ? `${command[2]}` : command.join(" ");

/** Checks whether a server ended because another program took its port. */
export const isPortTaken = (lastLines: readonly string[]): boolean => lastLines.some((line) => PORT_TAKEN.test(line));

/** Describes the end of a server's process. */
export function serverExit(spec: EndpointSpec, port: number, exit: ServerExit): ServerFailure {
  return { code: "REPLICA_EXITED", detail: exitDetail(commandText(spec), port, exit) };
}

function exitDetail(command: string, port: number, { code, signal, wasServing }: ServerExit): string {
  if (signal)
    return `The server's process ended by signal ${signal} (${constants.signals[signal]}) ${when(wasServing)}`;
  if (wasServing) return `The server's process ended with exit code ${code} ${when(true)}`;
  if (code === NOT_FOUND)
    return `A program of the command "${command}" was not found (exit code 127): add it to the dependencies, or correct --command`;
  if (code === NOT_EXECUTABLE)
    return `The program of the command "${command}" cannot be executed (exit code 126): it must be executable, and built for this system`;
  if (code === 0)
    return `The command "${command}" ended with exit code 0 instead of listening on port ${port} ($PORT): a server must stay in the foreground`;
  return `The command "${command}" ended with exit code ${code} before it listened on port ${port} ($PORT): the log has the reason`;
}

const when = (wasServing: boolean) => (wasServing ? "while it served" : "before it was ready");

/** Describes a server whose program could not be started. */
export function serverSpawnFailure(spec: EndpointSpec, { code, message }: NodeJS.ErrnoException): ServerFailure {
  const detail =
    code === "ENOENT"
      ? exitDetail(commandText(spec), 0, { code: NOT_FOUND, signal: null, wasServing: false })
      : `Cannot start the command "${commandText(spec)}": ${message}`;
  return { code: "REPLICA_EXITED", detail };
}

/** State of a server that is not ready. */
export interface UnreadyServer {
  readonly port: number;
  /** Ports that it listens on. */
  readonly ports: ReadonlySet<number>;
  readonly listens: boolean;
  readonly readyPath: string | undefined;
  /** Status of its ready path; absent if it did not respond. */
  readonly status: number | undefined;
  readonly waitedMs: number;
}

/** Describes a server that was not ready in time. */
export function unreadyServer(server: UnreadyServer): ServerFailure {
  const { port, ports, listens, readyPath, status, waitedMs } = server;
  const seconds = Math.round(waitedMs / 1000);
  const others = [...ports].filter((other) => other !== port);
  if (listens && readyPath !== undefined) {
    const result = status === undefined ? "did not respond" : `responded with status ${status}`;
    return timeout(
      `GET ${readyPath} ${result} for ${seconds} s, expected 2xx or 3xx: correct --ready-path or the server`,
    );
  }
  if (others.length > 0)
    return timeout(
      `The server listens on port ${others.join(" and ")}, not on port ${port}: it must listen on the port in the environment variable PORT`,
    );
  return timeout(`The server did not listen on port ${port}, the environment variable PORT, within ${seconds} s`);
}

const timeout = (detail: string): ServerFailure => ({ code: "START_TIMEOUT", detail });
