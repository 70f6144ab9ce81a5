/**
 * `npm run performance:cluster`: what the kubernetes platform promises, each measure against a baseline that the run starts itself, as the
 * Markdown table that docs/performance.md holds. Needs what `npm run test:cluster` needs, python3 with venv, and the original system's
 * rebuild in `FAAS_BASELINES` (../shared/baselines). Names of measures as arguments run only these: cold deploy original endpoints step.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Bench } from "./bench.ts";
import { coldStarts } from "./cluster-cold.ts";
import { deploys } from "./cluster-deploy.ts";
import { manyEndpoints } from "./cluster-endpoints.ts";
import { original } from "./cluster-original.ts";
import { step } from "./cluster-step.ts";
import { type Row, table } from "./table.ts";

const measures: Record<string, (bench: Bench) => Promise<Row[]>> = {
  cold: coldStarts,
  deploy: deploys,
  original,
  endpoints: manyEndpoints,
  step,
};
const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !(name in measures));
if (unknown.length > 0) throw new Error(`Expected ${Object.keys(measures).join(", ")}, got ${unknown.join(", ")}`);

const folder = await mkdtemp(join(tmpdir(), "faas-performance-"));
const bench = await Bench.start(folder);
try {
  const rows: Row[] = [];
  for (const [name, measure] of Object.entries(measures)) {
    if (chosen.length > 0 && !chosen.includes(name)) continue;
    process.stderr.write(`${name}\n`);
    rows.push(...(await measure(bench)));
  }
  process.stdout.write(table(rows));
} finally {
  await bench.stop();
  await rm(folder, { recursive: true, force: true });
}
