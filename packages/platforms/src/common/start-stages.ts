import type { StartStage } from "@faas/core";

/** Records when each stage of a replica's start was first observed. */
export class StartStages {
  readonly #requestedAt: number;
  readonly #stages: StartStage[] = [];

  /** @param requestedAt `performance.now()` when the replica was requested */
  constructor(requestedAt: number) {
    this.#requestedAt = requestedAt;
  }

  get list(): readonly StartStage[] {
    return this.#stages;
  }

  /** @param at `performance.now()` */
  record(stage: string, at = performance.now()): void {
    if (this.#stages.some((known) => known.stage === stage)) return;
    this.#stages.push({ stage, atMs: Math.max(0, at - this.#requestedAt) });
  }
}
