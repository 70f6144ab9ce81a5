import type { ServedEndpoint } from "@faas/gateway";
import { FIXED, IdleHistory, type IdlePlan, isAsleep, PAUSE_MS } from "./idle-history.ts";

interface Known {
  /** Its last request when it was looked at last. */
  lastRequestMs: number;
  /** Made with the first pause. */
  history: IdleHistory | undefined;
}

/** Which endpoints are idle, and which ones are to wake before a request comes (`idleTimeout: auto`). In memory: a restart forgets the pauses. */
export class Idleness {
  readonly #known = new WeakMap<ServedEndpoint, Known>();
  readonly #dueMs = new Map<ServedEndpoint, number>();

  /** Whether replicas of the endpoint, which has some, are to go. To be asked regularly: it looks for pauses, too. */
  isIdle(endpoint: ServedEndpoint, now: number): boolean {
    const { idleTimeoutMs } = endpoint.spec;
    const idleMs = now - endpoint.lastRequestMs;
    if (idleTimeoutMs !== "auto") return idleMs >= idleTimeoutMs;
    this.#look(endpoint);
    this.#dueMs.delete(endpoint);
    return isAsleep(this.#planOf(endpoint), idleMs);
  }

  /** Its replicas go: notes when they are to come back. */
  sleeps(endpoint: ServedEndpoint, now: number): void {
    const { wakeAfterMs } = this.#planOf(endpoint);
    const dueMs = endpoint.lastRequestMs + (wakeAfterMs ?? Number.NEGATIVE_INFINITY);
    if (dueMs > now) this.#dueMs.set(endpoint, dueMs);
  }

  /** Takes the ones whose time has come. */
  takeDue(now: number): ServedEndpoint[] {
    const due: ServedEndpoint[] = [];
    for (const [endpoint, dueMs] of this.#dueMs) {
      if (dueMs > now) continue;
      this.#dueMs.delete(endpoint);
      // What was removed, changed or woken meanwhile is none.
      if (!endpoint.removed && endpoint.desired === 0 && endpoint.spec.idleTimeoutMs === "auto") due.push(endpoint);
    }
    return due;
  }

  /** When the next one is due; undefined when none is. */
  get nextDueMs(): number | undefined {
    let next: number | undefined;
    for (const dueMs of this.#dueMs.values()) if (next === undefined || dueMs < next) next = dueMs;
    return next;
  }

  #look(endpoint: ServedEndpoint): void {
    const { lastRequestMs } = endpoint;
    const known = this.#known.get(endpoint);
    if (known === undefined) {
      this.#known.set(endpoint, { lastRequestMs, history: undefined });
      return;
    }
    const pauseMs = lastRequestMs - known.lastRequestMs;
    known.lastRequestMs = lastRequestMs;
    // A deployment is no request.
    if (pauseMs < PAUSE_MS || endpoint.deploying) return;
    known.history ??= new IdleHistory();
    known.history.add(pauseMs);
  }

  #planOf(endpoint: ServedEndpoint): IdlePlan {
    if (endpoint.spec.idleTimeoutMs !== "auto") return FIXED;
    return this.#known.get(endpoint)?.history?.plan ?? FIXED;
  }
}
