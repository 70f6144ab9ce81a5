import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Row, table } from "./table.ts";

const file = join(import.meta.dirname, "../../../docs/performance.md");

/** Selects the parts that a command line names, and all of them when it names none. */
export function chosenParts<T>(parts: Readonly<Record<string, T>>, args: readonly string[]): [string, T][] {
  const named = args.filter((arg) => arg !== "--write");
  const unknown = named.filter((name) => !(name in parts));
  if (unknown.length > 0)
    throw new Error(`Unknown part ${unknown.join(", ")}. Expected ${Object.keys(parts).join(", ")}`);
  return Object.entries(parts).filter(([name]) => named.length === 0 || named.includes(name));
}

/** Prints the table of a part; with `--write`, also replaces it in docs/performance.md, between its marks. */
export async function publish(part: string, rows: readonly Row[], args: readonly string[]): Promise<void> {
  const text = table(rows);
  process.stdout.write(`${text}\n`);
  if (!args.includes("--write")) return;
  const [begin, end] = [`<!-- begin ${part} -->\n`, `<!-- end ${part} -->`];
  const page = await readFile(file, "utf8");
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < 0) throw new Error(`Expected ${file} to have the marks ${begin.trim()} and ${end}`);
  await writeFile(file, `${page.slice(0, from + begin.length)}${text}${page.slice(to)}`);
}
