import { collectGarbage } from "@faas/gateway";

/** Time from the moment when the last endpoint became idle. */
const DELAY_MS = 1_000;

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
