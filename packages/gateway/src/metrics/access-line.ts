import type { FinishedCall } from "./access-log.ts";

const MAX_PATH_LENGTH = 512;

/**
 * Formats the stored line of a call, which ends with a line break: time (milliseconds since the epoch), status, microseconds, 1 for a cold start, replica,
 * revision, method, request id and path, separated by tabs. No field can contain a tab: HTTP allows none in a method or a path, and a request id consists of
 * visible characters. Runs for every call.
 */
export function accessLineOf(call: FinishedCall, durationMs: number, nowMs: number): string {
  const { servedBy, request, requestId, status, cold } = call;
  const micros = Math.round(durationMs * 1000);
  const replica = servedBy === undefined ? "\t" : `${servedBy.id}\t${servedBy.revision}`;
  return `${nowMs}\t${status}\t${micros}\t${cold ? 1 : 0}\t${replica}\t${request.method}\t${requestId}\t${pathOf(call.target)}\n`;
}

/** Returns the path without the query string, which may contain secrets. */
function pathOf(target: string): string {
  const question = target.indexOf("?");
  const path = question < 0 ? target : target.slice(0, question);
  return path.length > MAX_PATH_LENGTH ? `${path.slice(0, MAX_PATH_LENGTH)}…` : path;
}
