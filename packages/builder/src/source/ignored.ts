import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import ignore from "ignore";
import { IGNORE_FILES, isIgnored, type Rules } from "./source.ts";

/**
 * Which paths of a folder are left out of its bundle, for one that watches it: takes a path relative to the folder, and whether it
 * is a folder itself. Reads each ignore file once: after a change of one, ask for a new function. What lies in an ignored folder is ignored.
 */
export function ignoredIn(root: string): (path: string, isFolder: boolean) => boolean {
  const known = new Map<string, readonly Rules[]>();
  const rulesIn = (folder: string): readonly Rules[] => {
    let rules = known.get(folder);
    if (!rules) {
      const outer = folder === root ? [] : rulesIn(dirname(folder));
      const text = IGNORE_FILES.map((name) => readText(join(folder, name))).join("\n");
      rules = text.trim() === "" ? outer : [...outer, { folder, rules: ignore().add(text) }];
      known.set(folder, rules);
    }
    return rules;
  };
  const isLeftOut = (path: string, isFolder: boolean): boolean => {
    const folder = dirname(path);
    if (folder !== "." && isLeftOut(folder, true)) return true;
    return isIgnored(path, isFolder, rulesIn(join(root, folder)), root);
  };
  return isLeftOut;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
