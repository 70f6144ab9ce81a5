import type { EndpointSpec } from "@faas/core";
import type { ServedEndpoint as Served } from "@faas/gateway";
import { FIXED_PLAN, IdleHistory, type IdlePlan, isAsleep, MIN_PAUSE_MS } from "./idle-history.ts";

type ServedEndpoint = Served<EndpointSpec>;

/** Observations of one endpoint. */
interface Observed {
  /** Its last request at the time of the last check. */
  lastRequestMs: number;
  /** Created with the first pause. */
  history: IdleHistory | undefined;
}

/** Decides which endpoints are idle, and which should wake up before a request (`idleTimeout: auto`). In memory: a restart forgets the pauses. */
export class IdlePolicy {
  readonly #observed = new WeakMap<ServedEndpoint, Observed>();
  readonly #dueMs = new Map<ServedEndpoint, number>();

  /** True when the replicas of an awake endpoint should stop. To be called regularly, because it also learns the pauses. */
  isIdle(endpoint: ServedEndpoint, now: number): boolean {
    const { idleTimeoutMs } = endpoint.spec;
    const idleMs = now - endpoint.lastRequestMs;
    if (idleTimeoutMs !== "auto") return idleMs >= idleTimeoutMs;
    this.#learn(endpoint);
    this.#dueMs.delete(endpoint);
    return isAsleep(this.#planOf(endpoint), idleMs);
  }

  /** Notes when the replicas of an endpoint, which are about to stop, should be back. */
  onSleep(endpoint: ServedEndpoint, now: number): void {
    const { wakeAfterMs } = this.#planOf(endpoint);
    const dueMs = endpoint.lastRequestMs + (wakeAfterMs ?? Number.NEGATIVE_INFINITY);
    if (dueMs > now) this.#dueMs.set(endpoint, dueMs);
  }

  /** Removes and returns the endpoints that should wake up now. */
  takeDue(now: number): ServedEndpoint[] {
    const due: ServedEndpoint[] = [];
    for (const [endpoint, dueMs] of this.#dueMs) {
      if (dueMs > now) continue;
      this.#dueMs.delete(endpoint);
      // It may have been removed, changed or woken meanwhile.
      if (!endpoint.removed && endpoint.desired === 0 && endpoint.spec.idleTimeoutMs === "auto") due.push(endpoint);
    }
    return due;
  }

  /** Time when the next endpoint should wake up; undefined when none should. */
  get nextDueMs(): number | undefined {
    let next: number | undefined;
    for (const dueMs of this.#dueMs.values()) if (next === undefined || dueMs < next) next = dueMs;
    return next;
  }

  #learn(endpoint: ServedEndpoint): void {
    const { lastRequestMs } = endpoint;
    const observed = this.#observed.get(endpoint);
    if (observed === undefined) {
      this.#observed.set(endpoint, { lastRequestMs, history: undefined });
      return;
    }
    const pauseMs = lastRequestMs - observed.lastRequestMs;
    observed.lastRequestMs = lastRequestMs;
    // A deployment is not a request.
    if (pauseMs < MIN_PAUSE_MS || endpoint.deploying) return;
    observed.history ??= new IdleHistory();
    observed.history.add(pauseMs);
  }

  #planOf(endpoint: ServedEndpoint): IdlePlan {
    if (endpoint.spec.idleTimeoutMs !== "auto") return FIXED_PLAN;
    return this.#observed.get(endpoint)?.history?.plan ?? FIXED_PLAN;
  }
}
