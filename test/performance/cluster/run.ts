/**
 * `npm run performance:cluster`: what the kubernetes platform promises, each measure against a baseline that the run starts itself, as the
 * Markdown table that docs/performance.md holds. Needs what `npm run test:cluster` needs, python3 with venv, and the original system's
 * rebuild in `FAAS_BASELINES` (../shared/baselines). Names of measures as arguments run only these, `--write` puts them into docs/performance.md: cold deploy original endpoints step.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chosenParts, publish } from "../rig/page.ts";
import type { Row } from "../rig/table.ts";
import { Bench } from "./bench.ts";
import { coldStarts } from "./cold.ts";
import { deploys } from "./deploy.ts";
import { manyEndpoints } from "./endpoints.ts";
import { original } from "./original.ts";
import { step } from "./step.ts";

const measures: Record<string, (bench: Bench) => Promise<Row[]>> = {
  cold: coldStarts,
  deploy: deploys,
  original,
  endpoints: manyEndpoints,
  step,
};
const args = process.argv.slice(2);
const chosen = chosenParts(measures, args);

const folder = await mkdtemp(join(tmpdir(), "faas-performance-"));
const bench = await Bench.start(folder);
try {
  for (const [name, measure] of chosen) {
    process.stderr.write(`${name} …\n`);
    await publish(name, await measure(bench), args);
  }
} finally {
  await bench.stop();
  await rm(folder, { recursive: true, force: true });
}
