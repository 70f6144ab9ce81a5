import { call } from "../call.ts";

const CONCURRENT = 8;

/** Calls an address until it is stopped, several times at once: the traffic of a canary. */
export class SteadyCalls implements AsyncDisposable {
  readonly #url: string;
  readonly #workers: readonly Promise<void>[];
  #isStopped = false;
  #made = 0;

  /** @param max number of calls, after which it stops by itself */
  constructor(url: string, max = Number.POSITIVE_INFINITY) {
    this.#url = url;
    this.#workers = Array.from({ length: CONCURRENT }, () => this.#work(max));
  }

  /** Resolves when `max` calls were made. */
  async done(): Promise<void> {
    await Promise.all(this.#workers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    await this.done();
  }

  async #work(max: number): Promise<void> {
    while (!this.#isStopped && this.#made < max) {
      this.#made++;
      // The server may restart.
      await call(this.#url).catch(() => {});
    }
  }
}
