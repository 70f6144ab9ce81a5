import { desiredReplicas, MEMORY_MS, NO_PANIC, type Policy, type Sample } from "./scaler.ts";

/** How often to look. A request that comes and goes between two looks is not seen, but of many like it some are. */
export const LOOK_MS = 100;

/** What the scaler knows of one endpoint: the samples that still count, and whether there is panic. */
export class LoadMemory {
  readonly #samples: Sample[] = [];
  #panic = NO_PANIC;
  // Since the last decision.
  #looks = 0;
  #inFlight = 0;
  #waiting = 0;

  /** Takes what is seen now. */
  look(inFlight: number, waiting: number): void {
    this.#looks++;
    this.#inFlight += inFlight;
    this.#waiting += waiting;
  }

  /** The number of replicas to ask for instead of `replicas`, after what was seen since the decision before. */
  decide(replicas: number, policy: Policy, now: number): number {
    const samples = this.#samples;
    if (this.#looks > 0) {
      samples.push({ atMs: now, inFlight: this.#inFlight / this.#looks, waiting: this.#waiting / this.#looks });
      this.#looks = this.#inFlight = this.#waiting = 0;
    }
    while (samples[0] && samples[0].atMs < now - MEMORY_MS) samples.shift();
    const decision = desiredReplicas({ samples, replicas, panic: this.#panic }, policy, now);
    this.#panic = decision.panic;
    return decision.replicas;
  }
}
