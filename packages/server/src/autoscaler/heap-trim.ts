import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Time from the moment when the last endpoint became idle. */
const DELAY_MS = 1_000;

interface GcOptions {
  readonly type: "major";
  readonly execution: "sync";
  readonly flavor: "last-resort";
}

/** Returns memory to the system when all endpoints are idle: V8 collects garbage when memory is requested, and an idle server requests none. */
export class HeapTrim {
  readonly #delayMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(delayMs = DELAY_MS) {
    this.#delayMs = delayMs;
  }

  /** Schedules a collection; to be called when all endpoints are idle. */
  schedule(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(collectGarbage, this.#delayMs).unref();
  }

  /** Cancels the scheduled collection; to be called when an endpoint is in use again. */
  cancel(): void {
    clearTimeout(this.#timer);
  }
}

/** Runs the garbage collector. The flag adds `gc` to contexts that are created from then on; there is no other access from inside the process. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as (options: GcOptions) => void;
  gc({ type: "major", execution: "sync", flavor: "last-resort" });
}
