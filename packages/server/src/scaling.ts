import { type Endpoints, type LiveEndpoint, leastReplicas } from "./endpoints.ts";
import { IdleMemory } from "./idle-memory.ts";
import { desiredReplicas, type Sample, STABLE_WINDOW_MS } from "./scaler.ts";

const DECIDE_MS = 500;

/**
 * The thin loop around the scaler, and idleness: twice a second for the endpoints that have replicas, and not at all when none has.
 */
export class Scaling {
  readonly #endpoints: Endpoints;
  readonly #now: () => number;
  readonly #samples = new WeakMap<LiveEndpoint, Sample[]>();
  readonly #memory = new IdleMemory();
  #timer: NodeJS.Timeout | undefined;

  constructor(endpoints: Endpoints, now: () => number = Date.now) {
    this.#endpoints = endpoints;
    this.#now = now;
    endpoints.onAwake = () => {
      this.#memory.cancel();
      this.#timer ??= setInterval(() => this.decide(), DECIDE_MS).unref();
    };
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#memory.cancel();
    this.#endpoints.onAwake = undefined;
  }

  /** One round over all endpoints that are awake. */
  decide(): void {
    const now = this.#now();
    for (const endpoint of this.#endpoints.awake) this.#decideOne(endpoint, now);
    if (this.#endpoints.awake.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#memory.begin();
  }

  #decideOne(endpoint: LiveEndpoint, now: number): void {
    const { spec } = endpoint;
    const demand = endpoint.inFlight + endpoint.waiting;
    // In flight counts as a request.
    if (demand > 0 || endpoint.deploying) endpoint.lastRequestMs = now;
    if (endpoint.desired === 0) return;
    if (now - endpoint.lastRequestMs >= spec.idleTimeoutMs) {
      this.#samples.delete(endpoint);
      this.#endpoints.scale(endpoint, 0);
      return;
    }
    if (spec.scaler !== "concurrency") return;
    const samples = this.#remember(endpoint, { atMs: now, demand });
    const policy = { concurrency: spec.concurrency, least: leastReplicas(spec), most: Math.max(1, spec.maxReplicas) };
    const replicas = desiredReplicas({ samples, replicas: endpoint.desired }, policy, now);
    if (replicas !== endpoint.desired) this.#endpoints.scale(endpoint, replicas);
  }

  #remember(endpoint: LiveEndpoint, sample: Sample): Sample[] {
    let samples = this.#samples.get(endpoint);
    if (!samples) {
      samples = [];
      this.#samples.set(endpoint, samples);
    }
    samples.push(sample);
    while ((samples[0] as Sample).atMs < sample.atMs - STABLE_WINDOW_MS) samples.shift();
    return samples;
  }
}
