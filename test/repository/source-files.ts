import { globSync } from "node:fs";
import { join } from "node:path";

export const root = join(import.meta.dirname, "../..");

/** Lists the files with code, sorted, as paths below the root of the repository. */
export function sourceFiles(folders: readonly string[] = ["packages", "templates", "test"]): string[] {
  const patterns = folders.map((folder) => `${folder}/**/{.,}*.{ts,tsx,js,mjs,py,pl}`);
  const exclude = (path: string) => /(^|\/)(node_modules|dist|\.venv|__pycache__|apps\/folders)$/.test(path);
  return globSync(patterns, { cwd: root, exclude }).sort();
}
