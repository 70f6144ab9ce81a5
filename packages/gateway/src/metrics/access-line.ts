import { withoutQuery } from "../http/request-path.ts";
import type { FinishedCall } from "./access-log.ts";

const MAX_PATH_LENGTH = 512;
/** Longest time from the head of a response to its end that is not worth a field. */
const SHORT_BODY_MS = 1;

/** Time that was formatted last: many calls end in the same millisecond. */
let formattedMs = 0;
let timeText = "";
/** Replica that was formatted last. */
let formattedReplica: FinishedCall["servedBy"];
let replicaText = "\t";

/**
 * Formats the line of a call as it is stored. It has these fields, separated by tabs: time (milliseconds since the epoch), status, microseconds, 1 for a cold
 * start, replica, revision, method, request id, path, the gateway's name where there are several, and the times of the call's stages if there is something to
 * say: it takes less space and time than JSON. The line is ASCII, and no field contains a tab: neither reader of requests accepts other characters than visible
 * ASCII in a method or a path (RFC 9112, section 3.2), and a request id consists of them. Runs for every call.
 *
 * @param gateway name of the gateway, where there are several
 */
export function accessLineOf(call: FinishedCall, durationMs: number, nowMs: number, gateway = ""): string {
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
  const line = `${result}${replicaText}\t${request.method}\t${requestId}\t${pathOf(call.target)}`;
  if (hasTimes(call, durationMs)) return `${line}\t${gateway}\t${timesOf(call)}\n`;
  return gateway === "" ? `${line}\n` : `${line}\t${gateway}\n`;
}

/** Tells whether the time of a call was not all its function's: it waited, was repeated, or its body took longer than its head. Or it has a trace. */
const hasTimes = ({ waitedMs, lostMs, headMs, trace }: FinishedCall, durationMs: number): boolean =>
  waitedMs > 0 || lostMs > 0 || trace !== undefined || (headMs > 0 && durationMs - headMs > SHORT_BODY_MS);

/** Formats the times: microseconds in the queue, of the cold start, on failed replicas and until the head of the response, and the trace id. */
function timesOf({ waitedMs, coldMs, lostMs, headMs, trace }: FinishedCall): string {
  const times = [waitedMs - coldMs, coldMs, lostMs, headMs].map((ms) => Math.round(ms * 1000)).join(",");
  return trace === undefined ? times : `${times},${trace.traceId}`;
}

/** Returns the path without the query string. */
function pathOf(target: string): string {
  const path = withoutQuery(target);
  return path.length > MAX_PATH_LENGTH ? `${path.slice(0, MAX_PATH_LENGTH)}...` : path;
}
