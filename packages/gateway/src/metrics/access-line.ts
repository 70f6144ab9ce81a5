import type { LoggedCall } from "./access-log.ts";

/** Number of bytes that a line may take: each field is bounded. */
export const MAX_ACCESS_LINE_BYTES = 2048;

const MAX_PATH_LENGTH = 512;
/** Longest time from the head of a response to its end that is not worth a field. */
const SHORT_BODY_MS = 1;

const TAB = 9;
const LINE_FEED = 10;
const ZERO = 48;
const QUESTION = 63;

/** Time that was formatted last: many calls end in the same millisecond. */
let formattedMs = 0;
let timeText = "";
/** Replica that was formatted last. */
let formattedReplica: LoggedCall["servedBy"];
let replicaText = "\t";

/**
 * Writes the line of a call as it is stored, and returns its end. It has these fields, separated by tabs: time (milliseconds since the epoch), status,
 * microseconds, 1 for a cold start, replica, revision, method, request id, path, the gateway's name where there are several, and the times of the call's
 * stages if there is something to say: it takes less space and time than JSON. The line is ASCII, and no field contains a tab: neither reader of requests
 * accepts other characters than visible ASCII in a method or a path (RFC 9112, section 3.2), and a request id consists of them.
 *
 * Runs for every call, and creates no objects: new memory costs a call more than the work on its characters.
 *
 * @param lines has room for {@link MAX_ACCESS_LINE_BYTES}
 * @param gateway name of the gateway, where there are several
 */
export function writeAccessLine(lines: Uint8Array, start: number, call: LoggedCall, gateway = ""): number {
  const { servedBy, request, requestId, status, cold, durationMs, endedMs } = call;
  if (endedMs !== formattedMs) {
    formattedMs = endedMs;
    timeText = `${endedMs}`;
  }
  if (servedBy !== formattedReplica) {
    formattedReplica = servedBy;
    replicaText = servedBy === undefined ? "\t" : `${servedBy.id}\t${servedBy.revision}`;
  }
  let end = writeText(lines, start, timeText);
  lines[end++] = TAB;
  end = writeNumber(lines, end, status);
  lines[end++] = TAB;
  end = writeNumber(lines, end, Math.round(durationMs * 1000));
  lines[end++] = TAB;
  lines[end++] = cold ? ZERO + 1 : ZERO;
  lines[end++] = TAB;
  end = writeText(lines, end, replicaText);
  lines[end++] = TAB;
  end = writeText(lines, end, request.method ?? "");
  lines[end++] = TAB;
  end = writeText(lines, end, requestId);
  lines[end++] = TAB;
  end = writePath(lines, end, call.target);
  const times = hasTimes(call) ? `\t${timesOf(call)}` : "";
  if (gateway !== "" || times !== "") end = writeText(lines, end, `\t${gateway}${times}`);
  lines[end++] = LINE_FEED;
  return end;
}

function writeText(to: Uint8Array, start: number, text: string): number {
  for (let index = 0; index < text.length; index++) to[start + index] = text.charCodeAt(index);
  return start + text.length;
}

/** Writes a whole number, zero or more, in decimal. */
function writeNumber(to: Uint8Array, start: number, number: number): number {
  let digits = 1;
  for (let limit = 10; limit <= number; limit *= 10) digits++;
  let rest = number;
  for (let at = start + digits - 1; at >= start; at--) {
    const tenth = Math.floor(rest / 10);
    to[at] = ZERO + rest - tenth * 10;
    rest = tenth;
  }
  return start + digits;
}

/** Writes a path without the query string; a long one is cut. */
function writePath(to: Uint8Array, start: number, target: string): number {
  for (let index = 0; index < target.length; index++) {
    const character = target.charCodeAt(index);
    if (character === QUESTION) return start + index;
    if (index === MAX_PATH_LENGTH) return writeText(to, start + index, "...");
    to[start + index] = character;
  }
  return start + target.length;
}

/** Tells whether the time of a call was not all its function's: it waited, was repeated, or its body took longer than its head. Or it has a trace. */
const hasTimes = ({ waitedMs, lostMs, headMs, trace, durationMs }: LoggedCall): boolean =>
  waitedMs > 0 || lostMs > 0 || trace !== undefined || (headMs > 0 && durationMs - headMs > SHORT_BODY_MS);

/** Formats the times: microseconds in the queue, of the cold start, on failed replicas and until the head of the response, and the trace id. */
function timesOf({ waitedMs, coldMs, lostMs, headMs, trace }: LoggedCall): string {
  const times = [waitedMs - coldMs, coldMs, lostMs, headMs].map((ms) => Math.round(ms * 1000)).join(",");
  return trace === undefined ? times : `${times},${trace.traceId}`;
}
