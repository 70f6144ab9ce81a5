import { desiredReplicas, NO_PANIC, type Policy, type Sample, WINDOW_MS } from "./desired-replicas.ts";

/** Sampling interval. A request that comes and goes between two samples is not seen, but of many such requests some are. */
export const SAMPLE_MS = 100;

/** Number of samples between two decisions: two decisions per second. */
export const SAMPLES_PER_DECISION = 5;

/** Recent load of one endpoint: the samples that still count, and the panic state. */
export class LoadWindow {
  readonly #samples: Sample[] = [];
  #panic = NO_PANIC;
  // Sums since the last decision.
  #count = 0;
  #inFlight = 0;
  #waiting = 0;

  /** Adds a sample. Returns true when it is time to decide, which is after every sample while requests wait. */
  sample(inFlight: number, waiting: number): boolean {
    this.#count++;
    this.#inFlight += inFlight;
    this.#waiting += waiting;
    return waiting > 0 || this.#count >= SAMPLES_PER_DECISION;
  }

  /** Returns the desired number of replicas, where `replicas` is the present one. */
  decide(replicas: number, policy: Policy, now: number): number {
    const samples = this.#samples;
    if (this.#count > 0) {
      samples.push({ atMs: now, count: this.#count, inFlight: this.#inFlight, waiting: this.#waiting });
      this.#count = this.#inFlight = this.#waiting = 0;
    }
    while (samples[0] && samples[0].atMs < now - WINDOW_MS) samples.shift();
    const decision = desiredReplicas({ samples, replicas, panic: this.#panic }, policy, now);
    this.#panic = decision.panic;
    return decision.replicas;
  }
}
