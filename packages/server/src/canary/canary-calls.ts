import type { ServedEndpoint } from "@faas/gateway";
import type { CallSample } from "./call-sample.ts";

/** Counts the calls of the revisions that canaries compare. Endpoints without a canary cost one comparison for each call. */
export class CanaryCalls {
  /** Samples by key of the endpoint or variant. */
  readonly #samples = new Map<string, CallSample>();

  record({ key }: Pick<ServedEndpoint, "key">, status: number, durationMs: number): void {
    if (this.#samples.size > 0) this.#samples.get(key)?.record(status, durationMs);
  }

  /** Adds calls that a gateway in another process has counted. */
  add({ key }: Pick<ServedEndpoint, "key">, status: number, buckets: Parameters<CallSample["add"]>[1]): void {
    this.#samples.get(key)?.add(status, buckets);
  }

  /** Counts the calls of an endpoint in a sample from now on; without a sample, no longer. */
  count(key: string, sample: CallSample | undefined): void {
    if (sample === undefined) this.#samples.delete(key);
    else this.#samples.set(key, sample);
  }
}
