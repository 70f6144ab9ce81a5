import type { FinishedCall, LoggedCall } from "./access-log.ts";

/** Number of calls that are logged together. */
const CALLS = 32;
/** Numbers and values that are kept of a call. */
const NUMBERS = 8;
const VALUES = 6;

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };
type MutableCall = Writable<Omit<LoggedCall, "request">> & { readonly request: { method: string | undefined } };

/**
 * Finished calls that wait to be logged together. Between the other work of a call, the code that logs it is no longer in the processor's caches, which makes
 * it several times as slow as in a loop over many calls. What is logged is copied, side by side: the objects of a request would stay in memory.
 */
export class CallBatch {
  readonly #log: (call: LoggedCall) => void;
  readonly #numbers = new Float64Array(CALLS * NUMBERS);
  readonly #values: unknown[] = new Array(CALLS * VALUES).fill(undefined);
  readonly #call: MutableCall = {
    endpoint: undefined as unknown as LoggedCall["endpoint"],
    ...{ request: { method: "" }, requestId: "", target: "", status: 0, cold: false },
    ...{ servedBy: undefined, waitedMs: 0, coldMs: 0, lostMs: 0, headMs: 0, trace: undefined },
    ...{ arrived: 0, durationMs: 0, endedMs: 0 },
  };
  readonly #onFirst: () => void;
  #length = 0;
  #limit = CALLS;

  /**
   * @param log logs a call, which changes when it has returned
   * @param onFirst called when a call waits and none did before
   */
  constructor(log: (call: LoggedCall) => void, onFirst: () => void = () => {}) {
    this.#log = log;
    this.#onFirst = onFirst;
  }

  /** Lets calls wait for others, or logs each at once. */
  set waits(waits: boolean) {
    this.#limit = waits ? CALLS : 1;
    this.flush();
  }

  /** Adds a call; logs all when there are many. Runs for every call. */
  add(call: FinishedCall, durationMs: number): void {
    const numbers = this.#numbers;
    const values = this.#values;
    const length = this.#length++;
    const number = length * NUMBERS;
    numbers[number] = durationMs;
    numbers[number + 1] = call.arrived;
    numbers[number + 2] = call.status;
    numbers[number + 3] = call.cold ? 1 : 0;
    numbers[number + 4] = call.waitedMs;
    numbers[number + 5] = call.coldMs;
    numbers[number + 6] = call.lostMs;
    numbers[number + 7] = call.headMs;
    const value = length * VALUES;
    values[value] = call.main ?? call.endpoint;
    values[value + 1] = call.request.method;
    values[value + 2] = call.requestId;
    values[value + 3] = call.target;
    values[value + 4] = call.servedBy;
    values[value + 5] = call.trace;
    if (length === 0) this.#onFirst();
    if (length + 1 >= this.#limit) this.flush();
  }

  /** Logs all calls, in the order in which they ended. */
  flush(): void {
    const length = this.#length;
    this.#length = 0;
    // The clock that measures durations begins elsewhere, and the system's may have been changed. That has whole milliseconds, the last of which may have passed.
    const startMs = Date.now() - performance.now();
    for (let index = 0; index < length; index++) this.#log(this.#callAt(index, startMs));
    // A target may be long.
    this.#values.fill(undefined, 0, length * VALUES);
  }

  #callAt(index: number, startMs: number): LoggedCall {
    const call = this.#call;
    const number = index * NUMBERS;
    call.durationMs = this.#numbers[number] as number;
    call.arrived = this.#numbers[number + 1] as number;
    call.endedMs = Math.ceil(startMs + call.arrived + call.durationMs);
    call.status = this.#numbers[number + 2] as number;
    call.cold = this.#numbers[number + 3] === 1;
    call.waitedMs = this.#numbers[number + 4] as number;
    call.coldMs = this.#numbers[number + 5] as number;
    call.lostMs = this.#numbers[number + 6] as number;
    call.headMs = this.#numbers[number + 7] as number;
    const value = index * VALUES;
    call.endpoint = this.#values[value] as LoggedCall["endpoint"];
    call.request.method = this.#values[value + 1] as string | undefined;
    call.requestId = this.#values[value + 2] as string;
    call.target = this.#values[value + 3] as string;
    call.servedBy = this.#values[value + 4] as LoggedCall["servedBy"];
    call.trace = this.#values[value + 5] as LoggedCall["trace"];
    return call;
  }
}
