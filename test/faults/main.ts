/**
 * `npm run test:faults [-- part … --seed N --short --minutes N --platform NAME --write]`: the parts one after another, each as often as it is meant to be; a table of what was tried and what
 * was lost; exit code 1 when anything was. `--write` puts the table into docs/faults.md.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { FaultOptions, FaultResult, Run, Tried } from "./part.ts";
import { platformsHere } from "./served.ts";

const page = join(import.meta.dirname, "../../docs/faults.md");

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: "string" },
    short: { type: "boolean", default: false },
    minutes: { type: "string" },
    platform: { type: "string" },
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
      ? `Expected parts to be of ${parts.join(", ")}; got ${unknown.join(", ")}\n`
      : platforms.length === 0
        ? `Expected --platform to be of ${platformsHere.join(", ")} (kubernetes takes KUBECONFIG and FAAS_REGISTRY_PUSH); got ${values.platform}\n`
        : `Expected --seed to be a whole number and --minutes to be one above 0\n`,
  );
  process.exitCode = 2;
} else process.exitCode = await runAll(positionals.length > 0 ? positionals : parts);

async function runAll(names: readonly string[]): Promise<number> {
  const rows: Tried[] = [];
  for (const name of names) {
    process.stdout.write(`${name}, seed ${seed}${values.short ? ", short" : ""}\n`);
    rows.push(...(await runPart(name)));
  }
  process.stdout.write(`\n${table(rows)}`);
  if (values.write) await writePage(rows);
  const lost = rows.reduce((sum, row) => sum + row.lost, 0);
  process.stdout.write(`\n${lost === 0 ? "nothing was lost" : `${lost} lost`}; --seed ${seed} tries the same again\n`);
  return lost === 0 ? 0 : 1;
}

async function runPart(name: string): Promise<readonly Tried[]> {
  const options: FaultOptions = {
    long: !values.short,
    seed,
    minutes,
    platforms,
    print: (line) => process.stdout.write(`  ${line}\n`),
  };
  try {
    const { run } = (await import(`./${name}.ts`)) as { run: Run };
    const { rows, tried, lost }: FaultResult = await run(options);
    return rows ?? [{ what: name, faults: tried, tried, of: "", lost }];
  } catch (error) {
    process.stdout.write(`  ${name} could not be carried through: ${(error as Error).stack}\n`);
    return [{ what: name, faults: 0, tried: 0, of: "could not be carried through", lost: 1 }];
  }
}

/** Files beside this one that export `run`. */
async function partNames(): Promise<string[]> {
  const files = (await readdir(import.meta.dirname)).filter(
    (file) => file.endsWith(".ts") && !file.endsWith(".test.ts"),
  );
  const texts = await Promise.all(files.map((file) => readFile(join(import.meta.dirname, file), "utf8")));
  return files
    .filter((_, index) => /^export async function run\(/m.test(texts[index] as string))
    .map((file) => file.slice(0, -".ts".length))
    .sort();
}

function table(rows: readonly Tried[]): string {
  const lines = rows.map(
    ({ what, faults, tried, of, lost, seen = "" }) => `| ${what} | ${faults} | ${tried} ${of} | ${lost} | ${seen} |\n`,
  );
  return `| fault | count | workload | lost | details |\n|---|---|---|---|---|\n${lines.join("")}`;
}

/** Rows of parts that did not run this time stay. */
async function writePage(rows: readonly Tried[]): Promise<void> {
  const begin = "<!-- begin: npm run test:faults -- --write -->\n";
  const end = "<!-- end -->";
  const text = await readFile(page, "utf8");
  const [before, rest = ""] = text.split(begin);
  const [former = "", after = ""] = rest.split(end);
  const fresh = table(rows)
    .split("\n")
    .filter((line) => /^\| (?!fault \|)/.test(line));
  const named = new Set(fresh.map(firstCell));
  const kept = former.split("\n").filter((line) => /^\| (?!fault \|)/.test(line) && !named.has(firstCell(line)));
  const head = table([]).trimEnd();
  const machine = `${new Date().toISOString().slice(0, 10)}, ${cpus().length} cores, Node ${process.versions.node}`;
  const all = [...kept, ...fresh].sort();
  await writeFile(page, `${before}${begin}${machine}\n\n${head}\n${all.join("\n")}\n${end}${after}`);
}

function firstCell(line: string): string {
  return line.split("|")[1] as string;
}
