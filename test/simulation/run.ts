/**
 * `npm run simulate -- [--seed N] [--seeds COUNT] [--faults none|crash|silence]`: runs simulations of gateways, and prints the seeds of those in which an
 * invariant does not hold. The same seed gives the same simulation.
 */
import { parseArgs } from "node:util";
import { type Faults, simulate } from "./simulate.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string", default: "1000" },
    faults: { type: "string" },
  },
});
const kinds = (values.faults === undefined ? ["none", "crash", "silence"] : [values.faults]) as Faults[];
const first = Number(values.seed ?? 1);
const count = values.seed === undefined ? Number(values.seeds) : 1;
const began = performance.now();
let failed = 0;
for (const faults of kinds) {
  const gaps: number[] = [];
  for (let seed = first; seed < first + count; seed++) {
    try {
      gaps.push(simulate(seed, faults).gapP99Ms);
    } catch (error) {
      failed++;
      const detail = values.seed === undefined ? (error as Error).message : (error as Error).stack;
      console.error(`seed ${seed}, faults ${faults}: ${detail}`);
      console.error(`  replay: npm run simulate -- --seed ${seed} --faults ${faults}`);
    }
  }
  gaps.sort((one, other) => one - other);
  const at = (part: number) => (gaps[Math.floor(gaps.length * part)] ?? 0).toFixed(2);
  console.log(
    `${count} seeds, faults ${faults}: calls wait next to a free replica for ${at(0.5)} ms (p99 of the median seed), ${at(0.99)} ms (of the worst but 1 %)`,
  );
}
console.log(`${failed} failed, ${((performance.now() - began) / 1000).toFixed(1)} s`);
if (failed > 0) process.exitCode = 1;
