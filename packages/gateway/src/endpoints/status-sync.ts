import type { EndpointStatus, Platform } from "@faas/core";
import type { EndpointRegistry } from "./registry.ts";

/** Receives the platform's lists after the registry has taken them over. */
export interface StatusSubscriber {
  /** Called once, with the first list: from then on it is known what runs already. Called before `onStatuses`. */
  onFirstList?(): void;
  /** Called after each list with the statuses that changed since the one before. */
  onStatuses?(changed: readonly EndpointStatus[]): void;
}

export interface StatusSyncOptions {
  readonly platform: Pick<Platform, "watch">;
  readonly registry: Pick<EndpointRegistry, "observe">;
  /** Notified in this order. */
  readonly subscribers: readonly StatusSubscriber[];
}

/** Follows the platform's watch: each list goes to the registry, and then to the subscribers. */
export class StatusSync implements AsyncDisposable {
  readonly #options: StatusSyncOptions;
  readonly #stopping = new AbortController();
  #following: Promise<void> | undefined;

  constructor(options: StatusSyncOptions) {
    this.#options = options;
  }

  /** Starts to follow the watch, until this is disposed of. */
  start(): void {
    this.#following ??= this.#follow();
  }

  /** Ends the watch; no subscriber is called afterwards. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#following;
  }

  async #follow(): Promise<void> {
    const { platform, registry, subscribers } = this.#options;
    const { signal } = this.#stopping;
    let isFirst = true;
    for await (const statuses of platform.watch(signal)) {
      // The watch may still deliver a list that was on its way when this was disposed of.
      if (signal.aborted) return;
      const changed = registry.observe(statuses);
      if (isFirst) for (const subscriber of subscribers) subscriber.onFirstList?.();
      isFirst = false;
      for (const subscriber of subscribers) subscriber.onStatuses?.(changed);
    }
  }
}
