/**
 * `npm run simulate -- [--seed N] [--seeds COUNT] [--faults none|crash|silence|control]`: runs simulations of gateways, and prints the seeds of those in which
 * an invariant does not hold. The same seed gives the same simulation. `control` is the simulation with a control server and a platform.
 */
import { parseArgs } from "node:util";
import { simulateControl } from "./control/simulate-control.ts";
import { type Faults, simulate } from "./simulate.ts";

const KINDS = ["none", "crash", "silence", "control"] as const;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: "string" },
      seeds: { type: "string", default: "1000" },
      faults: { type: "string" },
    },
  });
  const kinds = KINDS.filter((kind) => values.faults === undefined || values.faults === kind);
  const first = Number(values.seed ?? 1);
  const count = values.seed === undefined ? Number(values.seeds) : 1;
  const began = process.hrtime.bigint();
  let failed = 0;
  for (const kind of kinds) {
    const gaps: number[] = [];
    for (let seed = first; seed < first + count; seed++) {
      try {
        gaps.push(await gapOf(seed, kind));
      } catch (error) {
        failed++;
        const detail = values.seed === undefined ? (error as Error).message : (error as Error).stack;
        console.error(`seed ${seed}, faults ${kind}: ${detail}`);
        console.error(`  replay: npm run simulate -- --seed ${seed} --faults ${kind}`);
      }
    }
    console.log(`${count} seeds, faults ${kind}${kind === "control" ? "" : `: ${describe(gaps)}`}`);
  }
  console.log(`${failed} failed, ${(Number(process.hrtime.bigint() - began) / 1e9).toFixed(1)} s`);
  return failed;
}

/** Runs one simulation; returns the 99th percentile of the times for which a call waited next to a free replica. */
async function gapOf(seed: number, kind: Faults | "control"): Promise<number> {
  if (kind !== "control") return simulate(seed, kind).gapP99Ms;
  await simulateControl(seed);
  return 0;
}

function describe(gaps: readonly number[]): string {
  const sorted = gaps.toSorted((one, other) => one - other);
  const at = (part: number) => (sorted[Math.floor(sorted.length * part)] ?? 0).toFixed(2);
  return `calls wait next to a free replica for ${at(0.5)} ms (p99 of the median seed), ${at(0.99)} ms (of the worst but 1 %)`;
}

main().then((failed) => {
  process.exitCode = failed > 0 ? 1 : 0;
});
