import { exponential, normal, type Random, seeded } from "@faas/testing";
import { awakeMs, IdleHistory, type IdlePlan, isAsleep } from "../../autoscaler/idle-history.ts";

/** Synthetic arrival pattern, for tests and the table of docs/scaling.md. */
export interface Pattern {
  readonly name: string;
  /** True when the next request is predictable. */
  readonly regular: boolean;
  /** Returns the milliseconds from a request at a time to the next one. */
  readonly pauseMs: (random: Random, atMs: number) => number;
}

export interface IdleCost {
  readonly requests: number;
  readonly coldStarts: number;
  /** Time of idle replicas. */
  readonly replicaSeconds: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAYS = 14;

const timer = (minutes: number, jitter: number): Pattern => ({
  name: `timer, every ${minutes} minutes`,
  regular: true,
  pauseMs: (random) => minutes * MINUTE_MS + normal(random) * jitter * MINUTE_MS,
});
const chance = (minutes: number): Pattern => ({
  name: `random, every ${minutes} minutes on average`,
  regular: false,
  pauseMs: (random) => exponential(random, minutes * MINUTE_MS),
});

/** Patterns for which the policy was designed. */
export const patterns: readonly Pattern[] = [
  timer(7, 0.1),
  timer(15, 0.2),
  timer(30, 1),
  timer(60, 2),
  {
    name: "ten calls within minutes, about every 45 minutes",
    regular: true,
    // Nine of ten calls follow the previous one; the tenth comes with the next round.
    pauseMs: (random) =>
      random() < 0.9 ? exponential(random, 15_000) : 45 * MINUTE_MS + normal(random) * 2 * MINUTE_MS,
  },
  {
    name: "random, every 3 minutes by day, none at night",
    regular: false,
    pauseMs: (random, atMs) => {
      const next = atMs + exponential(random, 3 * MINUTE_MS);
      const hour = (next / HOUR_MS) % 24;
      return (hour < 8 ? next + (8 - hour) * HOUR_MS : hour > 18 ? next + (32 - hour) * HOUR_MS : next) - atMs;
    },
  },
  chance(2),
  chance(10),
  chance(30),
  chance(120),
  {
    name: "rare, every 10 hours on average",
    regular: false,
    pauseMs: (random) => exponential(random, 600 * MINUTE_MS),
  },
];

/** Patterns on which it was tried afterwards, without changes. */
export const furtherPatterns: readonly Pattern[] = [
  timer(20, 6),
  timer(90, 0),
  timer(180, 3),
  {
    name: "timer, every 30 minutes from 8:00 to 18:00",
    regular: true,
    pauseMs: (_, atMs) => {
      const next = atMs + 30 * MINUTE_MS;
      const hour = (next / HOUR_MS) % 24;
      return (hour < 8 ? next + (8 - hour) * HOUR_MS : hour > 18 ? next + (32 - hour) * HOUR_MS : next) - atMs;
    },
  },
  {
    name: "timer, every 10 minutes in the first week, every 40 in the second",
    regular: true,
    pauseMs: (random, atMs) => (atMs < 168 * HOUR_MS ? 10 : 40) * MINUTE_MS + normal(random) * 0.2 * MINUTE_MS,
  },
  {
    name: "12 or 75 minutes, equally likely",
    regular: false,
    pauseMs: (random) => (random() < 0.5 ? 12 : 75) * MINUTE_MS + normal(random) * 0.5 * MINUTE_MS,
  },
  {
    name: "four calls within minutes, then 100 minutes on average",
    regular: false,
    pauseMs: (random) => exponential(random, (random() < 0.75 ? 2 : 100) * MINUTE_MS),
  },
  { name: "uniform, 1 to 60 minutes", regular: false, pauseMs: (random) => (1 + 59 * random()) * MINUTE_MS },
  {
    name: "half of the gaps under 8 minutes, some of hours",
    regular: false,
    pauseMs: (random) => 8 * MINUTE_MS * Math.exp(normal(random)),
  },
  chance(5),
  chance(15),
];

/** Simulates two weeks of a pattern. `plan` returns the plan of the next pause, and `learn` gets its length. */
function simulateIdleness(
  pattern: Pattern,
  plan: () => IdlePlan,
  learn: (pauseMs: number) => void,
  seed = 7,
): IdleCost {
  const random = seeded(seed);
  const cost = { requests: 1, coldStarts: 1, replicaSeconds: 0 };
  for (let atMs = 0; atMs < DAYS * 24 * HOUR_MS; ) {
    const pauseMs = Math.max(0, pattern.pauseMs(random, atMs));
    const next = plan();
    cost.requests++;
    if (isAsleep(next, pauseMs)) cost.coldStarts++;
    cost.replicaSeconds += awakeMs(next, pauseMs) / 1000;
    learn(pauseMs);
    atMs += pauseMs;
  }
  return cost;
}

export const fixedTimeout = (pattern: Pattern, minutes: number, seed?: number): IdleCost =>
  simulateIdleness(
    pattern,
    () => ({ sleepAfterMs: minutes * MINUTE_MS }),
    () => {},
    seed,
  );

export function autoTimeout(pattern: Pattern, seed?: number): IdleCost {
  const history = new IdleHistory();
  return simulateIdleness(
    pattern,
    () => history.plan,
    (pauseMs) => history.add(pauseMs),
    seed,
  );
}
