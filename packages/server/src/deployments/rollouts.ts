import { type EndpointRef, endpointKey } from "@faas/core";
import { awaitsFirstReady, candidateRevision, type EndpointRecord } from "../state/records.ts";
import { Rollout, type RolloutContext } from "./rollout.ts";

/** Rollouts of all endpoints. Most endpoints have none. */
export class Rollouts implements Disposable {
  readonly #context: RolloutContext;
  /** Rollouts that are not idle, by endpoint. */
  readonly #rollouts = new Map<string, Rollout>();

  constructor(context: RolloutContext) {
    this.#context = context;
  }

  /** Follows the target revision in the record of an endpoint, if it has not been ready. */
  follow(ref: EndpointRef, record: EndpointRecord): void {
    const key = endpointKey(ref);
    if (!candidateRevision(record) && !awaitsFirstReady(record)) {
      this.#rollouts.get(key)?.[Symbol.dispose]();
      this.#rollouts.delete(key);
    } else this.#rollout(ref).follow(record);
  }

  /** Removes an endpoint, which is no longer registered, from the platform, until the platform lists it no more. */
  unregister(ref: EndpointRef): void {
    this.#rollout(ref).unregister();
  }

  /** Takes the latest statuses into account. */
  update(): void {
    for (const [key, rollout] of this.#rollouts) {
      rollout.update();
      if (rollout.state.phase === "idle") this.#rollouts.delete(key);
    }
  }

  [Symbol.dispose](): void {
    for (const rollout of this.#rollouts.values()) rollout[Symbol.dispose]();
    this.#rollouts.clear();
  }

  #rollout(ref: EndpointRef): Rollout {
    const key = endpointKey(ref);
    let rollout = this.#rollouts.get(key);
    if (!rollout) {
      rollout = new Rollout(ref, this.#context);
      this.#rollouts.set(key, rollout);
    }
    return rollout;
  }
}
