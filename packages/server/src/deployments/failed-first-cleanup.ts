import type { Logger } from "@faas/core";
import { isExpired } from "../state/records.ts";
import type { Store } from "../state/store.ts";
import type { DeploymentController } from "./controller.ts";

const INTERVAL_MS = 60 * 60 * 1000;

export interface FailedFirstCleanupOptions {
  readonly store: Pick<Store, "endpoints">;
  readonly deployments: Pick<DeploymentController, "removeIf">;
  readonly log: Logger;
}

/** Removal of endpoints whose first deployment failed long ago: no revision of them ever served, and they would stay in every list. */
export class FailedFirstCleanup implements Disposable {
  readonly #options: FailedFirstCleanupOptions;
  readonly #timer: NodeJS.Timeout;

  /** Looks for such endpoints now and every hour. */
  constructor(options: FailedFirstCleanupOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.run(Date.now()), INTERVAL_MS).unref();
    void this.run(Date.now());
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  /** Removes them now. An endpoint that cannot be removed is retried the next time. */
  async run(nowMs: number): Promise<void> {
    const { store, deployments, log } = this.#options;
    for (const [ref, record] of [...store.endpoints()]) {
      if (!isExpired(record, nowMs)) continue;
      try {
        if (await deployments.removeIf(ref, (latest) => isExpired(latest, nowMs)))
          log.info(ref, "removed an endpoint whose first deployment failed and was not repeated");
      } catch (error) {
        log.warn({ err: error, ...ref }, "failed to remove an endpoint that never served, will retry");
      }
    }
  }
}
