import { FaasError } from "@faas/core";
import type { ServedEndpoint } from "../endpoints/served-endpoint.ts";
import type { LinkClock } from "../protocol/link.ts";
import type { ViewLog } from "./options.ts";

/** Shortest time between two requests to wake one endpoint, while nothing else happens. */
const REPEAT_MS = 100;
/** Time without an effect, and without a sign of life, after which the gateway wakes an endpoint itself. */
const NO_EFFECT_MS = 500;
/** Silence of a link that may be about to be lost: pings come more often. */
const SILENT_MS = 700;
/** Time after which waking an endpoint directly is tried again. */
const RETRY_MS = 1_000;

export interface WakerOptions {
  readonly clock: LinkClock;
  readonly log: ViewLog;
  /** Asks the control server to wake an endpoint. Returns false while the link is not open. */
  readonly ask: (key: string) => boolean;
  /** Returns the time since something was received from the control server. */
  readonly silentMs: () => number;
  readonly wakeDirectly: ((endpoint: ServedEndpoint) => Promise<void>) | undefined;
}

interface PendingWake {
  /** Time of the last request to the control server. */
  askedMs: number;
  isDirect: boolean;
  cancelRepeat: (() => void) | undefined;
}

/** Wakes endpoints for which calls wait: by the control server, once however many calls wait, and without it while the link is lost. No wake is lost. */
export class Waker {
  readonly #options: WakerOptions;
  readonly #pending = new Map<ServedEndpoint, PendingWake>();

  constructor(options: WakerOptions) {
    this.#options = options;
  }

  /** Wakes an endpoint, unless that is under way. */
  wake(endpoint: ServedEndpoint): void {
    if (this.#pending.has(endpoint)) return;
    endpoint.attempt();
    const pending: PendingWake = { askedMs: this.#options.clock.now(), isDirect: false, cancelRepeat: undefined };
    this.#pending.set(endpoint, pending);
    if (!this.#options.ask(endpoint.key)) this.#wakeDirectly(endpoint, pending);
  }

  /** Takes note of a new status from the control server: if no replica is desired although calls wait, it has not seen the request. */
  onStatus(endpoint: ServedEndpoint): void {
    const pending = this.#pending.get(endpoint);
    if (endpoint.desired > 0 || endpoint.removed || endpoint.waiting === 0) {
      this.forget(endpoint);
      return;
    }
    if (pending?.cancelRepeat) return;
    const { clock } = this.#options;
    const leftMs = pending === undefined ? 0 : pending.askedMs + REPEAT_MS - clock.now();
    if (leftMs <= 0) {
      this.#again(endpoint);
      return;
    }
    if (pending) pending.cancelRepeat = clock.after(leftMs, () => this.#again(endpoint));
  }

  /** Wakes an endpoint if calls wait for it and no replica is desired. */
  wakeIfWaiting(endpoint: ServedEndpoint): void {
    if (endpoint.desired === 0 && endpoint.waiting > 0 && !endpoint.removed) this.wake(endpoint);
  }

  /** Ends a wake that succeeded, failed, or is no longer needed. */
  forget(endpoint: ServedEndpoint): void {
    this.#pending.get(endpoint)?.cancelRepeat?.();
    this.#pending.delete(endpoint);
  }

  /** Continues without the control server. */
  onLost(): void {
    for (const [endpoint, pending] of this.#pending) this.#wakeDirectly(endpoint, pending);
  }

  /**
   * Continues when the whole state is known again: asks for every endpoint with waiting calls for which no replica is desired.
   * @param endpoints all endpoints
   */
  onSynced(endpoints: Iterable<ServedEndpoint>): void {
    for (const endpoint of [...this.#pending.keys()]) this.forget(endpoint);
    for (const endpoint of endpoints) this.wakeIfWaiting(endpoint);
  }

  /** Looks for requests without an effect on a link that may be about to be lost. To be called regularly. */
  tick(): void {
    if (this.#pending.size === 0 || this.#options.wakeDirectly === undefined) return;
    if (this.#options.silentMs() < SILENT_MS) return;
    const now = this.#options.clock.now();
    for (const [endpoint, pending] of this.#pending)
      if (now - pending.askedMs >= NO_EFFECT_MS) this.#wakeDirectly(endpoint, pending);
  }

  #again(endpoint: ServedEndpoint): void {
    this.forget(endpoint);
    this.wakeIfWaiting(endpoint);
  }

  #wakeDirectly(endpoint: ServedEndpoint, pending: PendingWake): void {
    const { wakeDirectly, log, clock } = this.#options;
    if (wakeDirectly === undefined || pending.isDirect) return;
    pending.isDirect = true;
    const retryLater = () => {
      // Also after a success: the replicas may be removed again before one is ready.
      if (this.#pending.get(endpoint) === pending)
        pending.cancelRepeat ??= clock.after(RETRY_MS, () => this.#again(endpoint));
    };
    wakeDirectly(endpoint).then(retryLater, (error: unknown) => {
      log.warn({ err: error, endpoint: endpoint.key }, "failed to wake an endpoint without the control server");
      if (this.#pending.get(endpoint) !== pending || !(error instanceof FaasError) || endpoint.replicas.length > 0)
        return retryLater();
      this.forget(endpoint);
      endpoint.rejectAll(error);
    });
  }
}
