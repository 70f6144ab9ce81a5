import { type EndpointRef, endpointKey } from "@faas/core";

/** Longest delay of a timer; the clock may also be set meanwhile. */
const MAX_SLEEP_MS = 60_000;
/** Delay after which a call that did not help is repeated. */
const RETRY_MS = 5_000;

interface Expiry {
  readonly ref: EndpointRef;
  atMs: number;
}

/** Calls back when something of an endpoint expires. */
export class ExpiryTimer implements Disposable {
  readonly #onExpired: (ref: EndpointRef) => Promise<void>;
  readonly #expiries = new Map<string, Expiry>();
  #timer: NodeJS.Timeout | undefined;
  #isDisposed = false;

  constructor(onExpired: (ref: EndpointRef) => Promise<void>) {
    this.#onExpired = onExpired;
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    clearTimeout(this.#timer);
  }

  /** @param atMs milliseconds since the epoch; undefined for never */
  set(ref: EndpointRef, atMs: number | undefined): void {
    if (atMs === undefined) this.#expiries.delete(endpointKey(ref));
    else this.#expiries.set(endpointKey(ref), { ref, atMs });
    this.#schedule();
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#isDisposed || this.#expiries.size === 0) return;
    const nextMs = Math.min(...Array.from(this.#expiries.values(), ({ atMs }) => atMs));
    const delayMs = Math.min(Math.max(0, nextMs - Date.now()), MAX_SLEEP_MS);
    this.#timer = setTimeout(() => this.#run(), delayMs).unref();
  }

  #run(): void {
    const now = Date.now();
    for (const expiry of this.#expiries.values()) {
      if (expiry.atMs > now) continue;
      expiry.atMs = now + RETRY_MS;
      void this.#onExpired(expiry.ref);
    }
    this.#schedule();
  }
}
