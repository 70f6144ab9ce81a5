import { parseCpu } from "@faas/core";
import type { V1Pod } from "@kubernetes/client-node";
import { runInformer } from "../../../packages/platforms/src/kubernetes/client/informer.ts";
import type { Bench } from "./bench.ts";

/** The pods of an endpoint, followed by a watch. */
export class PodWatch implements AsyncDisposable {
  readonly #pods = new Map<string, V1Pod>();
  readonly #ending = new AbortController();
  readonly #listeners = new Set<() => void>();

  /** Resolves when the pods have been listed. */
  static async start(bench: Bench, endpoint: string): Promise<PodWatch> {
    const watch = new PodWatch();
    const { promise: isListed, resolve } = Promise.withResolvers<void>();
    const nameOf = (pod: V1Pod) => pod.metadata?.name ?? "";
    const labelSelector = `faas/org=${bench.org},faas/endpoint=${endpoint}`;
    void runInformer<V1Pod & { readonly kind?: string }>(
      "Pod",
      { api: bench.api, labelSelector, signal: watch.#ending.signal },
      {
        listed(pods) {
          watch.#pods.clear();
          for (const pod of pods) watch.#pods.set(nameOf(pod), pod);
          watch.#notify();
          resolve();
        },
        changed(pod) {
          watch.#pods.set(nameOf(pod), pod);
          watch.#notify();
        },
        deleted(pod) {
          watch.#pods.delete(nameOf(pod));
          watch.#notify();
        },
      },
    );
    await isListed;
    return watch;
  }

  /** Returns the CPU limit in a pod's spec, in thousandths of a core. */
  static limitOf(pod: V1Pod): number {
    return parseCpu(pod.spec?.containers[0]?.resources?.limits?.cpu ?? "") ?? 0;
  }

  get pods(): readonly V1Pod[] {
    return [...this.#pods.values()];
  }

  /** Calls back after each change, until the watch ends. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Resolves when the pods meet a condition; rejects after 10 s. */
  until(holds: (pods: readonly V1Pod[]) => boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = () => {
      if (!holds(this.pods)) return;
      clearTimeout(timer);
      this.#listeners.delete(look);
      resolve();
    };
    const timer = setTimeout(() => reject(new Error("The pods did not change as expected within 10 s")), 10_000);
    this.#listeners.add(look);
    look();
    return promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }
}
