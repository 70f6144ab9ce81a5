import type { StartStage } from "../endpoints/platform.ts";

/** A stage of a replica's start, in milliseconds of the clock that the caller uses. */
export interface StartInterval {
  readonly stage: string;
  readonly began: number;
  readonly ended: number;
}

/**
 * Returns the stages of a replica's start one after another, the last of which ended when the replica was ready. What came before the wait that they are shown in
 * is cut off.
 *
 * @param waitBegan begin of the wait for the replica
 * @param ready end of the last stage
 */
export function startIntervals(stages: readonly StartStage[], waitBegan: number, ready: number): StartInterval[] {
  const startedAt = ready - (stages.at(-1)?.atMs ?? 0);
  let began = Math.max(waitBegan, startedAt);
  return stages.map(({ stage, atMs }) => {
    const interval = { stage, began, ended: Math.max(began, startedAt + atMs) };
    began = interval.ended;
    return interval;
  });
}
