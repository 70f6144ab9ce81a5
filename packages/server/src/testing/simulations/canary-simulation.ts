import { normal, type Random, seeded } from "@faas/testing";
import { CallSample } from "../../canary/call-sample.ts";
import type { CanaryPlan } from "../../canary/canary-fields.ts";
import { decide } from "../../canary/decision.ts";

/** Difference of a new revision from the old one, for a simulation. */
export interface Effect {
  readonly name: string;
  /** Share of failed calls. */
  readonly errorRate: number;
  /** Factor of all durations. */
  readonly slowdown: number;
}

/** Simulated traffic of an endpoint. */
export interface SimulatedTraffic {
  readonly callsPerSecond: number;
  /** Share of failed calls of the old revision. */
  readonly errorRate: number;
  /** Standard deviation of the logarithm of durations. */
  readonly spread: number;
}

/** End of a simulated canary. */
export interface SimulatedEnd {
  readonly outcome: "promoted" | "errors" | "p95" | "timeout";
  readonly seconds: number;
}

const MEDIAN_MS = 20;
/** Shortest time between two looks of a simulation. */
const MIN_LOOK_MS = 5_000;

/** Simulates canaries with the decisions of the server, at each call of the new revision, or every five seconds when there are more. */
export function simulateCanaries(
  runs: number,
  traffic: SimulatedTraffic,
  effect: Effect,
  plan: CanaryPlan,
  seed = 1,
): SimulatedEnd[] {
  const random = seeded(seed);
  return Array.from({ length: runs }, () => simulate(random, traffic, effect, plan));
}

function simulate(random: Random, traffic: SimulatedTraffic, effect: Effect, plan: CanaryPlan): SimulatedEnd {
  let totalMs = 0;
  for (const share of plan.steps.slice(0, -1)) {
    const samples = { canary: new CallSample(), base: new CallSample() };
    const calls = { canary: 0, base: 0 };
    const lookMs = Math.max(MIN_LOOK_MS, 100_000 / (share * traffic.callsPerSecond));
    for (let elapsedMs = lookMs; ; elapsedMs += lookMs) {
      totalMs += lookMs;
      const perLook = (traffic.callsPerSecond * lookMs) / 1000;
      calls.canary += (perLook * share) / 100;
      calls.base += (perLook * (100 - share)) / 100;
      fill(samples.canary, calls.canary, random, effect.errorRate, effect.slowdown, traffic.spread);
      fill(samples.base, calls.base, random, traffic.errorRate, 1, traffic.spread);
      const decision = decide({ ...samples, elapsedMs }, plan);
      if (decision.action === "back") return { outcome: decision.cause, seconds: totalMs / 1000 };
      if (decision.action === "advance") break;
    }
  }
  return { outcome: "promoted", seconds: totalMs / 1000 };
}

/** Makes calls until a sample has a number of them. */
function fill(
  sample: CallSample,
  calls: number,
  random: Random,
  errorRate: number,
  slowdown: number,
  spread: number,
): void {
  while (sample.calls < Math.floor(calls))
    sample.record(random() < errorRate ? 500 : 200, MEDIAN_MS * slowdown * Math.exp(normal(random) * spread));
}
