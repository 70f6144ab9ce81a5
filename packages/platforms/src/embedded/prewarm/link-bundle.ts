import { linkSync, mkdirSync, readdirSync, readlinkSync, symlinkSync } from "node:fs";
import { link, mkdir, readdir, readlink, symlink } from "node:fs/promises";
import { join } from "node:path";

/** Copies a folder synchronously by hard links to its files. Returns false, leaving an incomplete copy, if there are more entries than the budget. */
export function linkSmallBundle(from: string, to: string, budget: { entries: number }): boolean {
  mkdirSync(to);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (budget.entries-- === 0) return false;
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else if (!entry.isDirectory()) linkSync(source, target);
    else if (!linkSmallBundle(source, target, budget)) return false;
  }
  return true;
}

/** Copies a folder by hard links to its files. */
export async function linkBundle(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isSymbolicLink()) await symlink(await readlink(source), target);
    else if (entry.isDirectory()) await linkBundle(source, target);
    else await link(source, target);
  }
}
