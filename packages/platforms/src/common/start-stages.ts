import type { StartStage } from "@faas/core";

/** Takes down when the stages of a replica's start were seen for the first time. */
export class StartStages {
  readonly #askedAt: number;
  readonly #seen: StartStage[] = [];

  /** @param askedAt `performance.now()` when the replica was asked for */
  constructor(askedAt: number) {
    this.#askedAt = askedAt;
  }

  get list(): readonly StartStage[] {
    return this.#seen;
  }

  /** @param at `performance.now()` */
  see(stage: string, at = performance.now()): void {
    if (this.#seen.some((one) => one.stage === stage)) return;
    this.#seen.push({ stage, atMs: Math.max(0, at - this.#askedAt) });
  }
}
