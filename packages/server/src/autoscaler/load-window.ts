import { desiredReplicas, MEMORY_MS, NO_PANIC, type Policy, type Sample } from "./desired-replicas.ts";

/** How often to look. A request that comes and goes between two looks is not seen, but of many like it some are. */
export const LOOK_MS = 100;

/** A decision after so many looks: twice a second. */
export const LOOKS = 5;

/** What the scaler knows of one endpoint: the samples that still count, and whether there is panic. */
export class LoadMemory {
  readonly #samples: Sample[] = [];
  #panic = NO_PANIC;
  // Since the last decision.
  #looks = 0;
  #inFlight = 0;
  #waiting = 0;

  /** Takes what is seen now. `true`: it is time to decide; while requests wait that is at each look. */
  look(inFlight: number, waiting: number): boolean {
    this.#looks++;
    this.#inFlight += inFlight;
    this.#waiting += waiting;
    return waiting > 0 || this.#looks >= LOOKS;
  }

  /** The number of replicas to ask for instead of `replicas`, after what was seen since the decision before. */
  decide(replicas: number, policy: Policy, now: number): number {
    const samples = this.#samples;
    if (this.#looks > 0) {
      samples.push({ atMs: now, looks: this.#looks, inFlight: this.#inFlight, waiting: this.#waiting });
      this.#looks = this.#inFlight = this.#waiting = 0;
    }
    while (samples[0] && samples[0].atMs < now - MEMORY_MS) samples.shift();
    const decision = desiredReplicas({ samples, replicas, panic: this.#panic }, policy, now);
    this.#panic = decision.panic;
    return decision.replicas;
  }
}
