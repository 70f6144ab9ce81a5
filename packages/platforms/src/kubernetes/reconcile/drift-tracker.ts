import type { Logger } from "@faas/core";
import type { KubernetesObject } from "../client/objects.ts";
import { type Drift, driftOf } from "./drift.ts";
import { ReapplyBackoff } from "./force-apply.ts";

export interface DriftTrackerOptions {
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Called when an endpoint's changed object should be applied again. */
  readonly reapply: (key: string) => void;
}

/** The endpoints' objects that were changed outside faas and must be applied again, by kind and endpoint key. */
export class DriftTracker {
  readonly #options: DriftTrackerOptions;
  /** Objects observed before their desired state was known. */
  readonly #deferred = new Map<string, KubernetesObject>();
  readonly #drifted = new Set<string>();
  readonly #backoff = new ReapplyBackoff();

  constructor(options: DriftTrackerOptions) {
    this.#options = options;
  }

  hasDrifted(kind: string, key: string): boolean {
    return this.#drifted.has(nameOf(kind, key));
  }

  /** Stores an object to check when its desired state is known. */
  defer(kind: string, key: string, object: KubernetesObject): void {
    this.#deferred.set(nameOf(kind, key), object);
  }

  deferred(kind: string, key: string): KubernetesObject | undefined {
    return this.#deferred.get(nameOf(kind, key));
  }

  /** Compares an object with the applied one. `applied` is `undefined` if another object has replaced it. */
  check(kind: string, key: string, object: KubernetesObject, applied: KubernetesObject | undefined): void {
    const name = nameOf(kind, key);
    this.#deferred.delete(name);
    const drift: Drift | undefined = applied ? driftOf(applied, object) : { fields: ["metadata.annotations"], by: [] };
    if (!drift || this.#drifted.has(name)) return;
    const { log, signal, reapply } = this.#options;
    log.warn({ endpoint: key, kind, ...drift }, "object was changed outside faas, reapplying it");
    this.#drifted.add(name);
    const waitMs = this.#backoff.next(name, Date.now());
    if (waitMs === 0) reapply(key);
    else setTimeout(() => signal.aborted || reapply(key), waitMs).unref();
  }

  /** Clears the change of an object that was applied again. */
  reapplied(kind: string, key: string): void {
    this.#drifted.delete(nameOf(kind, key));
  }

  /** Forgets a deleted object. */
  forget(kind: string, key: string): void {
    this.#deferred.delete(nameOf(kind, key));
    this.#drifted.delete(nameOf(kind, key));
  }
}

const nameOf = (kind: string, key: string) => `${kind} ${key}`;
