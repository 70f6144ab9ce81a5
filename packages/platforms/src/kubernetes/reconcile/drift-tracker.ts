import type { PlatformLog } from "../../common/platform-log.ts";
import type { KubernetesObject } from "../client/api-client.ts";
import { type Drift, driftOf } from "./drift.ts";
import { ReapplyBackoff } from "./force-apply.ts";

export interface ForeignChangesOptions {
  readonly log: PlatformLog;
  readonly signal: AbortSignal;
  /** It is time to set it again. */
  readonly mend: (key: string) => void;
}

/** Which of an endpoint's objects somebody else changed, and that are to be set again. Objects go by kind and key. */
export class ForeignChanges {
  readonly #options: ForeignChangesOptions;
  /** Observed before it was known what is wanted of it. */
  readonly #unchecked = new Map<string, KubernetesObject>();
  readonly #changed = new Set<string>();
  readonly #pace = new ReapplyBackoff();

  constructor(options: ForeignChangesOptions) {
    this.#options = options;
  }

  has(kind: string, key: string): boolean {
    return this.#changed.has(nameOf(kind, key));
  }

  /** To be checked when it is known what is wanted. */
  later(kind: string, key: string, object: KubernetesObject): void {
    this.#unchecked.set(nameOf(kind, key), object);
  }

  unchecked(kind: string, key: string): KubernetesObject | undefined {
    return this.#unchecked.get(nameOf(kind, key));
  }

  /** `wanted` is what we applied; undefined: it is not there any more as we applied it, whatever it is now. */
  check(kind: string, key: string, object: KubernetesObject, wanted: KubernetesObject | undefined): void {
    const name = nameOf(kind, key);
    this.#unchecked.delete(name);
    const drift: Drift | undefined = wanted ? driftOf(wanted, object) : { fields: ["metadata.annotations"], by: [] };
    if (!drift || this.#changed.has(name)) return;
    const { log, signal, mend } = this.#options;
    log.warn({ endpoint: key, kind, ...drift }, "an object was changed by somebody else: set again");
    this.#changed.add(name);
    const waitMs = this.#pace.next(name, Date.now());
    if (waitMs === 0) mend(key);
    else setTimeout(() => signal.aborted || mend(key), waitMs).unref();
  }

  /** It was set again. */
  mended(kind: string, key: string): void {
    this.#changed.delete(nameOf(kind, key));
  }

  /** It is gone. */
  forget(kind: string, key: string): void {
    this.#unchecked.delete(nameOf(kind, key));
    this.#changed.delete(nameOf(kind, key));
  }
}

const nameOf = (kind: string, key: string) => `${kind} ${key}`;
