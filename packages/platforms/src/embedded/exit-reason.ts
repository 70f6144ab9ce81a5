import { constants } from "node:os";
import { type EndpointSpec, type ErrorCode, formatSize, loadingLocation } from "@faas/core";
import { type Programs, runtimeCommand } from "../common/runtime-command.ts";

/** Exit code of the launcher when the program to run is missing. */
const PROGRAM_MISSING = 127;
/** Last words of runtimes that get no more memory from the kernel or from their own heap limit. */
const NO_MEMORY = /JavaScript heap out of memory|process out of memory|\bstd::bad_alloc\b|^MemoryError\b/;

/** Reason why a replica's process ended. */
export interface ProcessEnd {
  readonly code: ErrorCode;
  readonly detail: string;
  /** True if something outside of the process killed it. */
  readonly killed?: boolean;
}

/** Signals with which others end a process; those of a crash are the process's own. */
const OUTSIDE_SIGNALS: ReadonlySet<string> = new Set(["SIGKILL", "SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"]);

/** Marks the end of a process that something outside of it killed. */
export function withKiller(end: ProcessEnd, { code, signal }: Pick<ProcessExit, "code" | "signal">): ProcessEnd {
  // A supervisor or a shell reports a signal as an exit code: 128 and the signal's number.
  const isKilled = signal === null ? code === 128 + constants.signals.SIGKILL : OUTSIDE_SIGNALS.has(signal);
  return isKilled && end.code !== "OUT_OF_MEMORY" ? { ...end, killed: true } : end;
}

/** Observed end of a process. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Last lines of its output. */
  readonly lastLines: readonly string[];
  readonly wasServing: boolean;
  readonly isSandboxed: boolean;
}

/** Finds the reason for the exit of a process that the server did not end. */
export function exitReason(spec: EndpointSpec, programs: Programs, exit: ProcessExit): ProcessEnd {
  const { code, signal, lastLines, wasServing, isSandboxed } = exit;
  const noMemory = outOfMemory(spec, exit);
  if (noMemory) return noMemory;
  const missing = runtimeMissing(spec, programs);
  if (code === PROGRAM_MISSING && isSandboxed && missing && lastLines.length === 0) return missing;
  const how = signal ? `by signal ${signal} (${constants.signals[signal]})` : `with exit code ${code}`;
  const when = wasServing ? "while it served" : "before it was ready";
  return { code: "REPLICA_EXITED", detail: `The function's process ended ${how} ${when}` };
}

/** Returns the failure of a process whose runtime got no more memory; undefined if it ended for another reason. */
export function outOfMemory({ memoryBytes }: EndpointSpec, { lastLines }: ProcessExit): ProcessEnd | undefined {
  if (!lastLines.some((line) => NO_MEMORY.test(line))) return undefined;
  const limit = formatSize(memoryBytes);
  return {
    code: "OUT_OF_MEMORY",
    detail: `The function ran out of memory: its limit is ${limit}; deploy it with a larger --memory`,
  };
}

/** Finds the reason why a process could not be spawned. */
export function spawnFailure(spec: EndpointSpec, programs: Programs, error: NodeJS.ErrnoException): ProcessEnd {
  const missing = runtimeMissing(spec, programs);
  if (error.code === "ENOENT" && missing) return missing;
  return { code: "REPLICA_EXITED", detail: `Cannot start the function's process: ${error.message}` };
}

/** Returns the failure for a runtime that is not installed; undefined for a runtime that always is. */
function runtimeMissing(spec: EndpointSpec, programs: Programs): ProcessEnd | undefined {
  const { missing, program } = runtimeCommand(spec.runtime);
  return missing && { code: "RUNTIME_MISSING", detail: missing(program(programs)) };
}

/** Describes a function that is still loading at the end of its time, with the line that ran last as far as it was logged. */
export function startTimeout(timeoutMs: number, lastLines: readonly string[]): ProcessEnd {
  const location = loadingLocation(lastLines);
  const where = location === undefined ? "" : `: it was at ${location}`;
  return { code: "START_TIMEOUT", detail: `The function did not load within ${timeoutMs / 1000} s${where}` };
}
