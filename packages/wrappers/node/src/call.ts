import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { DeadlineLink, Extendable } from "./deadlines.ts";
import { identity, timeoutMs } from "./options.ts";

/** Connection that a client wants to upgrade to a WebSocket. */
export interface Upgrade {
  readonly socket: Socket;
  /** Bytes that came after the request. */
  readonly head: Buffer;
}

/** Request with its identity and deadline. Its context and abort signal are created when first used. */
export class Call implements DeadlineLink {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
  readonly requestId: string;
  /** Deadline on the monotonic clock, set when the call runs. */
  endsAtMs = 0;
  previous: DeadlineLink | undefined = undefined;
  next: DeadlineLink | undefined = undefined;
  /** True after the deadline; the call holds its slot until the function returns. */
  isLate = false;
  /** Deadlines of which this call has one, set when it runs. */
  deadlines: Extendable<Call> | undefined = undefined;
  /** Progress of an application's response in bytes; undefined for a function, whose response the wrapper sends. */
  progress: number | undefined = undefined;
  upgrade: Upgrade | undefined = undefined;
  /** Time at which the call began, on the monotonic clock, if the gateway asks for its times. */
  tracedAtMs: number | undefined = undefined;
  #context: Context | undefined;
  #controller: AbortController | undefined;
  #abortReason: Error | undefined;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.request = request;
    this.response = response;
    this.deadline = Date.now() + timeoutMs;
    this.requestId = requestIdOf(request);
  }

  get context(): Context {
    this.#context ??= new Context(this);
    return this.#context;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#abortReason) this.#controller.abort(this.#abortReason);
    return this.#controller.signal;
  }

  get isAborted(): boolean {
    return this.#abortReason !== undefined;
  }

  /** Aborts the call's signal. The first reason counts. */
  abort(reason: Error): void {
    this.#abortReason ??= reason;
    this.#controller?.abort(this.#abortReason);
  }
}

/** Returns the client's request id if it is printable ASCII of at most 128 characters, else a new UUID. */
function requestIdOf({ headers }: IncomingMessage): string {
  const given = headers["x-request-id"];
  return typeof given === "string" && /^[\x21-\x7e]{1,128}$/.test(given) ? given : crypto.randomUUID();
}

type LogWriter = (message: unknown, fields?: Readonly<Record<string, unknown>>) => void;

/** Second argument of a handler. */
export class Context {
  readonly org = identity.org;
  readonly endpoint = identity.endpoint;
  readonly revision = identity.revision;
  readonly requestId: string;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
  readonly #call: Call;

  constructor(call: Call) {
    this.#call = call;
    this.requestId = call.requestId;
    this.deadline = call.deadline;
  }

  /** Signal that is aborted at the deadline and when the client disconnects. */
  get signal(): AbortSignal {
    return this.#call.signal;
  }

  /** Logger that writes a line of JSON with the request id to stderr. */
  get log(): Readonly<Record<"debug" | "info" | "warn" | "error", LogWriter>> {
    const requestId = this.requestId;
    const writer =
      (level: string): LogWriter =>
      (message, fields) => {
        const text = typeof message === "string" ? message : JSON.stringify(message);
        process.stderr.write(`${JSON.stringify({ level, requestId, message: text, ...fields })}\n`);
      };
    return { debug: writer("debug"), info: writer("info"), warn: writer("warn"), error: writer("error") };
  }
}
