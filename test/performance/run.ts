/**
 * `npm run performance [part …]`: what the embedded platform promises, measured against a baseline in the same run, as the Markdown table
 * that docs/performance.md holds; of all parts, or of those named. Runs are interleaved, so that noise hits both sides alike; figures are
 * medians.
 */
import { coldStarts } from "./cold-starts.ts";
import { commands } from "./commands.ts";
import { gateway } from "./gateway.ts";
import { idleServer } from "./idle-server.ts";
import { type Row, table } from "./table.ts";
import { tenThousand } from "./ten-thousand.ts";

const parts: Readonly<Record<string, () => Promise<readonly Row[]>>> = {
  commands,
  "cold-starts": coldStarts,
  "idle-server": idleServer,
  gateway,
  "ten-thousand": tenThousand,
};

const named = process.argv.slice(2);
const unknown = named.filter((name) => !(name in parts));
if (unknown.length > 0)
  throw new Error(`Expected parts of ${Object.keys(parts).join(", ")}, got ${unknown.join(", ")}`);

const rows: Row[] = [];
for (const [name, measure] of Object.entries(parts)) {
  if (named.length > 0 && !named.includes(name)) continue;
  process.stderr.write(`${name} …\n`);
  rows.push(...(await measure()));
}
process.stdout.write(table(rows));
