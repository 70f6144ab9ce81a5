/**
 * `node --conditions=faas-source --import tsx test/performance/idle-policy.ts`: simulates two weeks of arrivals with idle timeouts of 5 minutes, 10 minutes
 * and `auto`, and prints the cold starts and the time of idle replicas as the table in docs/scaling.md.
 */
import {
  autoTimeout,
  fixedTimeout,
  furtherPatterns,
  type IdleCost,
  patterns,
} from "../../packages/server/src/testing/simulations/idle-simulation.ts";

const hours = ({ replicaSeconds }: IdleCost) => (replicaSeconds / 3600).toFixed(0);
const row = (cells: readonly (string | number)[]) => process.stdout.write(`| ${cells.join(" | ")} |\n`);
const policies = [
  (pattern: (typeof patterns)[number]) => fixedTimeout(pattern, 5),
  (pattern: (typeof patterns)[number]) => fixedTimeout(pattern, 10),
  (pattern: (typeof patterns)[number]) => autoTimeout(pattern),
];

row(["arrivals, two weeks", "requests", "cold starts: 5m", "10m", "auto", "idle replica hours: 5m", "10m", "auto"]);
row(Array.from({ length: 8 }, () => "---"));
for (const group of [patterns, furtherPatterns]) {
  const sums = policies.map(() => ({ requests: 0, coldStarts: 0, replicaSeconds: 0 }));
  for (const pattern of group) {
    const costs = policies.map((policy) => policy(pattern));
    for (const [i, sum] of sums.entries()) {
      sum.requests += costs[i]?.requests ?? 0;
      sum.coldStarts += costs[i]?.coldStarts ?? 0;
      sum.replicaSeconds += costs[i]?.replicaSeconds ?? 0;
    }
    row([pattern.name, costs[0]?.requests ?? 0, ...costs.map(({ coldStarts }) => coldStarts), ...costs.map(hours)]);
  }
  const name =
    group === patterns ? "**total of these, used to design the policy**" : "**total of these, tried afterwards**";
  row([name, sums[0]?.requests ?? 0, ...sums.map(({ coldStarts }) => coldStarts), ...sums.map(hours)]);
}
