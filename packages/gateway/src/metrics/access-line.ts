import { withoutQuery } from "../http/request-path.ts";
import type { FinishedCall } from "./access-log.ts";

const MAX_PATH_LENGTH = 512;
/** Longest time from the head of a response to its end that is not worth a field. */
const SHORT_BODY_MS = 1;

/** Number of calls whose lines are formatted together: in the middle of a call, the same takes several times as long, because the processor has not run it for a while. */
export const ACCESS_BATCH = 64;

/** Facts of a finished call that its line has. Created for every call. */
export class AccessLine {
  /** "org/endpoint". */
  readonly key: string;
  readonly status: number;
  readonly durationMs: number;
  /** End of the call, in milliseconds since the epoch. */
  readonly endedMs: number;
  readonly #gateway: string;
  readonly #method: string | undefined;
  readonly #requestId: string;
  readonly #target: string;
  readonly #cold: boolean;
  readonly #servedBy: FinishedCall["servedBy"];
  readonly #times: CallTimes | undefined;
  #text: string | undefined;

  /** @param gateway name of the gateway, where there are several */
  constructor(call: FinishedCall, durationMs: number, endedMs: number, gateway = "") {
    const { main = call.endpoint } = call;
    this.key = main.key;
    this.status = call.status;
    this.durationMs = durationMs;
    this.endedMs = endedMs;
    this.#gateway = gateway;
    this.#method = call.request.method;
    this.#requestId = call.requestId;
    this.#target = call.target;
    this.#cold = call.cold;
    this.#servedBy = call.servedBy;
    this.#times = hasTimes(call, durationMs) ? timesOf(call) : undefined;
  }

  /**
   * The line as it is stored, with a line break. It has these fields, separated by tabs: time (milliseconds since the epoch), status, microseconds, 1 for a
   * cold start, replica, revision, method, request id, path, the gateway's name where there are several, and the times of the call's stages if there is
   * something to say: it takes less space and time than JSON. The line is ASCII, and no field contains a tab: neither reader of requests accepts other
   * characters than visible ASCII in a method or a path (RFC 9112, section 3.2), and a request id consists of them.
   */
  get text(): string {
    this.#text ??= this.#format();
    return this.#text;
  }

  #format(): string {
    const { id, revision } = this.#servedBy ?? NO_REPLICA;
    const micros = Math.round(this.durationMs * 1000);
    const result = `${this.endedMs}\t${this.status}\t${micros}\t${this.#cold ? 1 : 0}\t${id}\t${revision}`;
    const line = `${result}\t${this.#method}\t${this.#requestId}\t${pathOf(this.#target)}`;
    if (this.#times !== undefined) return `${line}\t${this.#gateway}\t${formatTimes(this.#times)}\n`;
    return this.#gateway === "" ? `${line}\n` : `${line}\t${this.#gateway}\n`;
  }
}

const NO_REPLICA = { id: "", revision: "" };

type CallTimes = Pick<FinishedCall, "waitedMs" | "coldMs" | "lostMs" | "headMs" | "trace">;

const timesOf = ({ waitedMs, coldMs, lostMs, headMs, trace }: FinishedCall): CallTimes => ({
  ...{ waitedMs, coldMs, lostMs, headMs, trace },
});

/** Tells whether the time of a call was not all its function's: it waited, was repeated, or its body took longer than its head. Or it has a trace. */
const hasTimes = ({ waitedMs, lostMs, headMs, trace }: FinishedCall, durationMs: number): boolean =>
  waitedMs > 0 || lostMs > 0 || trace !== undefined || (headMs > 0 && durationMs - headMs > SHORT_BODY_MS);

/** Formats the times: microseconds in the queue, of the cold start, on failed replicas and until the head of the response, and the trace id. */
function formatTimes({ waitedMs, coldMs, lostMs, headMs, trace }: CallTimes): string {
  const times = [waitedMs - coldMs, coldMs, lostMs, headMs].map((ms) => Math.round(ms * 1000)).join(",");
  return trace === undefined ? times : `${times},${trace.traceId}`;
}

/** Returns the path without the query string. */
function pathOf(target: string): string {
  const path = withoutQuery(target);
  return path.length > MAX_PATH_LENGTH ? `${path.slice(0, MAX_PATH_LENGTH)}...` : path;
}
