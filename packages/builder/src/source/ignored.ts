import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import ignore from "ignore";
import { IGNORE_FILES, isIgnored, type Rules } from "./source.ts";

/**
 * Creates a predicate for the paths of a folder that are not deployed, for a file watcher. The predicate takes a path relative to the folder,
 * and true for the path of a folder; everything within an ignored folder is ignored. It reads each ignore file once: create a new predicate
 * after one has changed.
 */
export function createIgnoreFilter(root: string): (path: string, isFolder: boolean) => boolean {
  const cache = new Map<string, readonly Rules[]>();
  const rulesIn = (folder: string): readonly Rules[] => {
    let rules = cache.get(folder);
    if (!rules) {
      const outer = folder === root ? [] : rulesIn(dirname(folder));
      const text = IGNORE_FILES.map((name) => readText(join(folder, name))).join("\n");
      rules = text.trim() === "" ? outer : [...outer, { folder, rules: ignore().add(text) }];
      cache.set(folder, rules);
    }
    return rules;
  };
  return function isIgnoredPath(path, isFolder) {
    const folder = dirname(path);
    if (folder !== "." && isIgnoredPath(folder, true)) return true;
    return isIgnored(path, isFolder, rulesIn(join(root, folder)), root);
  };
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
