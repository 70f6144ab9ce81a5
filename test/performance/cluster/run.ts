/**
 * `npm run performance:cluster -- [PART…] [--write]`: measures the Kubernetes platform against baselines that the run starts itself, and prints Markdown
 * tables. `--write` puts them into docs/performance.md. Needs the same environment as `npm run test:cluster`, python3 with venv, and the rebuild of the
 * original system in `FAAS_BASELINES`.
 */
import { chosenParts, publish } from "../rig/page.ts";
import type { Row } from "../rig/table.ts";
import { Bench } from "./bench.ts";
import { coldStarts } from "./cold.ts";
import { deploys } from "./deploy.ts";
import { manyEndpoints } from "./endpoints.ts";
import { images } from "./images.ts";
import { original } from "./original.ts";
import { warmPool } from "./pool.ts";
import { step } from "./step.ts";
import { vertical } from "./vertical.ts";

const measures: Record<string, (bench: Bench) => Promise<Row[]>> = {
  cold: coldStarts,
  deploy: deploys,
  images,
  original,
  endpoints: manyEndpoints,
  step,
  pool: warmPool,
  vertical,
};
const args = process.argv.slice(2);
const chosen = chosenParts(measures, args);

await using bench = await Bench.start();
for (const [name, measure] of chosen) {
  process.stderr.write(`${name} …\n`);
  await publish(name, await measure(bench), args);
}
