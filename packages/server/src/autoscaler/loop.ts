import { type EndpointRegistry, maxReplicas, minReplicas, OutlierDetector, type ServedEndpoint } from "@faas/gateway";
import { IdleMemory } from "./heap-trim.ts";
import { Idleness } from "./idle-policy.ts";
import { LOOK_MS, LOOKS, LoadMemory } from "./load-window.ts";

/**
 * The thin loop around the scaler, idleness and slow replicas: over the endpoints that have replicas, and not at all when none has.
 */
export class Autoscaler {
  readonly #endpoints: EndpointRegistry;
  readonly #now: () => number;
  readonly #loads = new WeakMap<ServedEndpoint, LoadMemory>();
  readonly #outliers = new OutlierDetector();
  readonly #idleness = new Idleness();
  readonly #memory = new IdleMemory();
  #timer: NodeJS.Timeout | undefined;
  /** For the next endpoint that is to wake, while none is awake. */
  #dueTimer: NodeJS.Timeout | undefined;
  #looks = 0;
  #stopped = false;

  constructor(endpoints: EndpointRegistry, now: () => number = Date.now) {
    this.#endpoints = endpoints;
    this.#now = now;
  }

  /** Starts the loop; to be called when an endpoint awakes. */
  resume(): void {
    if (this.#stopped) return;
    this.#memory.cancel();
    clearTimeout(this.#dueTimer);
    this.#timer ??= setInterval(() => this.look(), LOOK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#dueTimer);
    this.#memory.cancel();
    this.#stopped = true;
  }

  /** Looks at all endpoints that are awake, and decides on those whose load says so, on all every fifth time. To be called every `LOOK_MS`. */
  look(): void {
    const now = this.#now();
    for (const endpoint of this.#endpoints.awake) {
      this.#outliers.sample(endpoint);
      if (isScaled(endpoint) && this.#load(endpoint).look(endpoint.inFlight, endpoint.waiting))
        this.#scale(endpoint, now);
    }
    if (++this.#looks < LOOKS) return;
    this.#looks = 0;
    this.#decide();
  }

  #decide(): void {
    const now = this.#now();
    for (const endpoint of this.#idleness.takeDue(now)) this.#endpoints.wake(endpoint);
    for (const endpoint of this.#endpoints.awake) {
      this.#outliers.detect(endpoint, now);
      this.#decideOne(endpoint, now);
    }
    if (this.#endpoints.awake.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#memory.begin();
    clearTimeout(this.#dueTimer);
    const dueMs = this.#idleness.nextDueMs;
    if (dueMs !== undefined) this.#dueTimer = setTimeout(() => this.#decide(), dueMs - now).unref();
  }

  #decideOne(endpoint: ServedEndpoint, now: number): void {
    // In flight counts as a request.
    if (endpoint.inFlight + endpoint.waiting > 0 || endpoint.deploying) endpoint.lastRequestMs = now;
    if (endpoint.desired === 0) return;
    if (this.#idleness.isIdle(endpoint, now)) {
      this.#loads.delete(endpoint);
      this.#idleness.sleeps(endpoint, now);
      this.#endpoints.scale(endpoint, 0);
      return;
    }
    // Of a number that does not change: it could not be had before, or a former server left another one.
    const least = minReplicas(endpoint.spec);
    if (endpoint.spec.scaler === "fixed" && endpoint.desired !== least && !endpoint.deploying)
      this.#endpoints.scale(endpoint, least);
  }

  #scale(endpoint: ServedEndpoint, now: number): void {
    const { desired } = endpoint;
    const replicas = this.#load(endpoint).decide(desired, policyOf(endpoint), now);
    if (replicas !== desired) this.#endpoints.scale(endpoint, replicas);
    else endpoint.limited = undefined;
  }

  #load(endpoint: ServedEndpoint): LoadMemory {
    let load = this.#loads.get(endpoint);
    if (!load) {
      load = new LoadMemory();
      this.#loads.set(endpoint, load);
    }
    return load;
  }
}

/** Whether there is something to decide. */
function isScaled(endpoint: ServedEndpoint): boolean {
  if (endpoint.desired === 0 || endpoint.spec.scaler !== "concurrency") return false;
  const { least, most } = policyOf(endpoint);
  return least < most || endpoint.desired !== least;
}

const policyOf = ({ spec }: ServedEndpoint) => ({
  concurrency: spec.concurrency,
  least: minReplicas(spec),
  most: maxReplicas(spec),
});
