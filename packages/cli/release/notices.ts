import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** Package whose code is part of a release. */
export interface IncludedPackage {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly folder: string;
}

/** Reads the descriptions of the packages in these folders, sorted by name. */
export async function readPackages(folders: readonly string[]): Promise<IncludedPackage[]> {
  const found = await Promise.all(folders.map(readPackage));
  return found.sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
}

const keyOf = ({ name, version }: IncludedPackage) => `${name}@${version}`;

async function readPackage(folder: string): Promise<IncludedPackage> {
  const { name, version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  return { name, version, license: license?.type ?? license ?? "unknown", folder };
}

/** Writes the licenses of the packages into one text. */
export async function noticesOf(packages: readonly IncludedPackage[]): Promise<string> {
  const parts = ["faas contains code of these packages.\n"];
  for (const { folder, ...each } of packages) {
    const entries = await readdir(folder, { withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile() && /^(?:licen[cs]e|copying|notice)/i.test(entry.name));
    const names = files.map(({ name }) => name).sort();
    const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
    parts.push([`${keyOf({ folder, ...each })} (${each.license})`, ...texts.map((text) => text.trim())].join("\n\n"));
  }
  return `${parts.join(`\n${"-".repeat(80)}\n\n`)}\n`;
}
