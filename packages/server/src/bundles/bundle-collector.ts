import type { Logger } from "@faas/core";
import type { Store } from "../state/store.ts";
import type { BundleStore } from "./bundle-store.ts";

const INTERVAL_MS = 600_000;

/** Removes bundles that no revision names, at the start of the server and at regular intervals. */
export class BundleCollector implements Disposable {
  readonly #store: Pick<Store, "orgs" | "bundles">;
  readonly #bundles: Pick<BundleStore, "collect">;
  readonly #log: Logger;
  #timer: NodeJS.Timeout | undefined;

  constructor(store: Pick<Store, "orgs" | "bundles">, bundles: Pick<BundleStore, "collect">, log: Logger) {
    this.#store = store;
    this.#bundles = bundles;
    this.#log = log;
  }

  /** Collects once, and resolves; then continues at regular intervals. */
  async start(): Promise<void> {
    this.#timer = setInterval(() => this.#collect(), INTERVAL_MS).unref();
    await this.#collect();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  async #collect(): Promise<void> {
    const named = new Set<string>();
    for (const org of this.#store.orgs()) for (const digest of this.#store.bundles(org).keys()) named.add(digest);
    await this.#bundles
      .collect(named, Date.now())
      .catch((error) => this.#log.warn({ err: error }, "failed to remove unused bundles, will retry"));
  }
}
