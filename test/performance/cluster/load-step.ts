import { type Run, runOpenLoop, type TimeLine } from "@faas/bench";

/** A load that rises from a third of a replica's capacity to one and a half times as much. */

/** Function that uses about 20 ms of CPU per call: with a limit of 200m, one replica serves ten calls per second, or fewer on a slower machine. */
export const WORKS = `export const handler = () => {
  let sum = 0;
  for (let i = 0; i < 12_000_000; i++) sum += Math.sqrt(i);
  return String(sum);
};
`;
const BEFORE_PER_SECOND = 3;
const STEP_PER_SECOND = 15;

/** Durations of the load before and after the step. */
export interface StepTimes {
  readonly beforeMs: number;
  readonly stepMs: number;
}

export interface StepRun {
  readonly before: Run;
  readonly after: Run;
  /** Seconds by which the step came later than `beforeMs` after the begin. */
  readonly offset: number;
}

/** Sends the load to a URL. `began` is the `performance.now()` of the begin. */
export async function runLoadStep(url: string, { beforeMs, stepMs }: StepTimes, began: number): Promise<StepRun> {
  const before = await runOpenLoop({ url, rate: BEFORE_PER_SECOND, durationMs: beforeMs, arrivals: "fixed" });
  const offset = (performance.now() - began - beforeMs) / 1000;
  const after = await runOpenLoop({ url, rate: STEP_PER_SECOND, durationMs: stepMs, arrivals: "fixed" });
  return { before, after, offset };
}

/** Returns the title of a chart of the load. */
export const stepTitle = ({ beforeMs }: StepTimes): string =>
  `Load step at ${beforeMs / 1000} s, from ${BEFORE_PER_SECOND} to ${STEP_PER_SECOND} calls per second`;

/** Shifts times, in seconds since the step, so that a chart starts at 0. */
export const fromZero = (points: TimeLine["points"], { beforeMs }: StepTimes): TimeLine["points"] =>
  points.map(([at, value]) => [at + beforeMs / 1000, value] as const);

/** Returns the latencies of calls over time, in seconds; `shift` is added to their times. */
export const latenciesOf = ({ requests }: Run, shift: number): (readonly [at: number, seconds: number])[] =>
  requests.map(({ startMs, latencyMs }) => [startMs / 1000 + shift, latencyMs / 1000] as const);
