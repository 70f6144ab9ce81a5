/**
 * `npm run test:faults [-- PART… --seed N --short --minutes N --platform NAME --fault NAME --gateways N --write]`: runs the parts one after another and
 * prints a table of the faults, the workload, and what was lost. The exit code is 1 if anything was lost. `--write` updates the table in docs/faults.md.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { FaultOptions, FaultResult, FaultRow, Part } from "./part.ts";
import { platformsHere } from "./served.ts";

const page = join(import.meta.dirname, "../../docs/faults.md");
const folder = join(import.meta.dirname, "parts");

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: "string" },
    short: { type: "boolean", default: false },
    minutes: { type: "string" },
    platform: { type: "string" },
    fault: { type: "string", multiple: true },
    gateways: { type: "string" },
    write: { type: "boolean", default: false },
  },
});
const parts = await partNames();
const unknown = positionals.filter((name) => !parts.includes(name));
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const minutes = Number(values.minutes ?? 30);
const platforms = platformsHere.filter((name) => values.platform === undefined || name === values.platform);
if (unknown.length > 0 || !Number.isSafeInteger(seed) || !(minutes > 0) || platforms.length === 0) {
  process.stderr.write(
    unknown.length > 0
      ? `Unknown part ${unknown.join(", ")}. Expected ${parts.join(", ")}\n`
      : platforms.length === 0
        ? `Expected --platform to be one of ${platformsHere.join(", ")} (kubernetes needs KUBECONFIG and FAAS_REGISTRY_PUSH), got ${values.platform}\n`
        : `Expected --seed to be an integer and --minutes to be a number above 0\n`,
  );
  process.exitCode = 2;
} else process.exitCode = await runAll(positionals.length > 0 ? positionals : parts);

async function runAll(names: readonly string[]): Promise<number> {
  const rows: FaultRow[] = [];
  for (const name of names) {
    process.stdout.write(`${name}, seed ${seed}${values.short ? ", short" : ""}\n`);
    const { own, ofPart } = await runPart(name);
    if (values.write) await writePage(ofPart, own);
    rows.push(...ofPart);
  }
  process.stdout.write(`\n${table(rows)}`);
  const lost = rows.reduce((sum, row) => sum + row.lost, 0);
  process.stdout.write(
    `\n${lost === 0 ? "nothing was lost" : `${lost} lost`}; --seed ${seed} repeats the same choices\n`,
  );
  return lost === 0 ? 0 : 1;
}

/** Runs a part; returns its rows, and its name if it has a table of its own. */
async function runPart(
  name: string,
): Promise<{ readonly own: string | undefined; readonly ofPart: readonly FaultRow[] }> {
  const options: FaultOptions = {
    long: !values.short,
    seed,
    minutes,
    platforms,
    ...(values.fault === undefined ? {} : { faults: values.fault }),
    ...(values.gateways === undefined ? {} : { gateways: values.gateways }),
    print: (line) => process.stdout.write(`  ${line}\n`),
  };
  let own: string | undefined;
  try {
    const part = (await import(`./parts/${name}.ts`)) as Part;
    if (part.hasOwnTable) own = name;
    const { rows }: FaultResult = await part.run(options);
    return { own, ofPart: rows };
  } catch (error) {
    process.stdout.write(`  ${name} failed: ${(error as Error).stack}\n`);
    return { own, ofPart: [{ what: name, faults: 0, tried: 0, of: "part failed", lost: 1 }] };
  }
}

/** Lists the files in `parts/` without their extension; each exports `run`. */
async function partNames(): Promise<string[]> {
  const files = await readdir(folder);
  return files
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
    .map((file) => file.slice(0, -".ts".length))
    .sort();
}

function table(rows: readonly FaultRow[]): string {
  const lines = rows.map(
    ({ what, faults, tried, of, lost, seen = "" }) => `| ${what} | ${faults} | ${tried} ${of} | ${lost} | ${seen} |\n`,
  );
  return `| fault | count | workload | lost | details |\n|---|---|---|---|---|\n${lines.join("")}`;
}

/** Updates the rows of a part, and leaves the others; `own` names a part with a table of its own. */
async function writePage(rows: readonly FaultRow[], own: string | undefined): Promise<void> {
  if (rows.length === 0) return;
  const begin = `<!-- begin: npm run test:faults -- ${own === undefined ? "" : `${own} `}--write -->\n`;
  const end = "<!-- end -->";
  const text = await readFile(page, "utf8");
  const from = text.indexOf(begin) + begin.length;
  const to = text.indexOf(end, from);
  const previous = text.slice(from, to);
  const fresh = table(rows)
    .split("\n")
    .filter((line) => /^\| (?!fault \|)/.test(line));
  const named = new Set(fresh.map(firstCell));
  const others = previous.split("\n").filter((line) => /^\| (?!fault \|)/.test(line) && !named.has(firstCell(line)));
  const head = table([]).trimEnd();
  const machine = `${new Date().toISOString().slice(0, 10)}, ${cpus().length} cores, Node ${process.versions.node}`;
  const all = [...others, ...fresh].sort();
  const content = `${machine}\n\n${head}\n${all.join("\n")}\n`;
  await writeFile(page, text.slice(0, from) + content + text.slice(to));
}

function firstCell(line: string): string {
  return line.split("|")[1] as string;
}
