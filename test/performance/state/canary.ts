import {
  type Effect,
  type SimulatedEnd,
  simulateCanaries,
} from "../../../packages/server/src/testing/simulations/canary-simulation.ts";
import { median, type Row } from "../rig/table.ts";

const RUNS = 100;
/** Largest share of wrong decisions in percent, as docs/decisions/0047-canary.md states. */
const MAX_WRONG = 5;
const DAY_MS = 86_400_000;
const OLD_ERROR_RATE = 0.001;
const SPREAD = 0.5;

/** The defaults of `faas deploy --canary 5%,25%,100%`. */
const plan = {
  steps: [5, 25, 100],
  everyMs: 120_000,
  timeoutMs: DAY_MS,
  limits: { errorRate: 0.01, p95: 1.5 },
};

const effect = (name: string, morePoints: number, slowdown: number): Effect => ({
  ...{ name, errorRate: OLD_ERROR_RATE + morePoints / 100, slowdown },
});
const SAME = effect("as good as the old one", 0, 1);
const SLOWER = effect("that is 20 % slower (accepted up to 50 %)", 0, 1.2);
const TWO_POINTS = effect("with 2 points more failed calls (accepted: 1)", 2, 1);
const FIVE_POINTS = effect("with 5 points more failed calls", 5, 1);
const TWICE = effect("that is twice as slow", 0, 2);

/** Simulates canaries with the decisions of the server: how often a good revision is stopped and a bad one is promoted, by traffic and effect. */
export async function canary(): Promise<Row[]> {
  return [
    ...simulated(1, [SAME], [FIVE_POINTS, TWICE]),
    ...simulated(10, [SAME, SLOWER], [TWO_POINTS, FIVE_POINTS, TWICE]),
    ...simulated(100, [SAME, SLOWER], [TWO_POINTS, FIVE_POINTS, TWICE]),
  ];
}

function simulated(callsPerSecond: number, good: readonly Effect[], bad: readonly Effect[]): Row[] {
  const traffic = { callsPerSecond, errorRate: OLD_ERROR_RATE, spread: SPREAD };
  const rowOf = (of: Effect, isWrong: (end: SimulatedEnd) => boolean): Row => {
    const ends = simulateCanaries(RUNS, traffic, of, plan);
    const count = (outcome: (end: SimulatedEnd) => boolean) => ends.filter(outcome).length;
    const promoted = count((end) => end.outcome === "promoted");
    const undecided = count((end) => end.outcome === "timeout");
    const seconds = median(ends.map((end) => end.seconds));
    const outcomes = [
      `promoted ${promoted}`,
      `stopped ${ends.length - promoted - undecided}`,
      ...(undecided > 0 ? [`undecided ${undecided}`] : []),
    ];
    return {
      measure: `${callsPerSecond} calls/s, new revision ${of.name}`,
      baseline: "",
      ours: `${outcomes.join(", ")} of ${ends.length}; median ${duration(seconds)}`,
      value: (100 * count(isWrong)) / ends.length,
      goal: MAX_WRONG,
      unit: "% wrong",
    };
  };
  return [
    ...good.map((each) => rowOf(each, ({ outcome }) => outcome === "errors" || outcome === "p95")),
    ...bad.map((each) => rowOf(each, ({ outcome }) => outcome === "promoted")),
  ];
}

const duration = (seconds: number) => (seconds < 600 ? `${seconds.toFixed(0)} s` : `${(seconds / 60).toFixed(0)} min`);
