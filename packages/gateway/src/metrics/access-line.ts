import type { FinishedCall } from "./access-log.ts";

const MAX_PATH_LENGTH = 512;

/** Time that was formatted last: many calls end in the same millisecond. */
let formattedMs = 0;
let timeText = "";
/** Replica that was formatted last. */
let formattedReplica: FinishedCall["servedBy"];
let replicaText = "\t";

/**
 * Formats the line of a call as it is stored. It has these fields, separated by tabs: time (milliseconds since the epoch), status, microseconds, 1 for a cold
 * start, replica, revision, method, request id, path, and the gateway's name where there are several: it takes less space and time than JSON. No field can
 * contain a tab: HTTP allows none in a method or a path, and a request id consists of visible characters. The line is ASCII. Runs for every call.
 *
 * @param end of the line: a line break, after a tab and the gateway's name where there are several
 */
export function accessLineOf(call: FinishedCall, durationMs: number, nowMs: number, end = "\n"): string {
  const { servedBy, request, requestId, status, cold } = call;
  if (nowMs !== formattedMs) {
    formattedMs = nowMs;
    timeText = `${nowMs}\t`;
  }
  if (servedBy !== formattedReplica) {
    formattedReplica = servedBy;
    replicaText = servedBy === undefined ? "\t" : `${servedBy.id}\t${servedBy.revision}`;
  }
  const micros = Math.round(durationMs * 1000);
  const result = `${timeText}${status}\t${micros}${cold ? "\t1\t" : "\t0\t"}`;
  return `${result}${replicaText}\t${request.method}\t${requestId}\t${pathOf(call.target)}${end}`;
}

/** Characters of a path that are not visible ASCII: bytes that `node:http` reads as Latin-1. */
const NOT_ASCII = /[^\x21-\x7e]/g;

/** Returns the path without the query string, which may contain secrets; other bytes than visible ASCII are percent-encoded (RFC 3986, section 2.1). */
function pathOf(target: string): string {
  const question = target.indexOf("?");
  const path = question < 0 ? target : target.slice(0, question);
  const shown = path.length > MAX_PATH_LENGTH ? `${path.slice(0, MAX_PATH_LENGTH)}...` : path;
  return shown.replace(NOT_ASCII, percentEncoded);
}

const percentEncoded = (byte: string) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
