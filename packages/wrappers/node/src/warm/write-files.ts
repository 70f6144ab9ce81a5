import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { messageOf, Problem } from "../problem.ts";
import type { Claim } from "./claim.ts";

/** Bits of a mode that permit writing. */
const WRITE = 0o222;

/**
 * Writes the files of a claim, which replace existing ones, without permission to write to them.
 *
 * @throws FUNCTION_LOAD_FAILED
 */
export function writeFiles({ folder, files, contents }: Claim): void {
  const folders = new CreatedFolders(folder);
  let begin = 0;
  for (const file of files) {
    const path = join(folder, file.path);
    const end = begin + (file.size ?? 0);
    try {
      folders.create(dirname(path));
      if (file.link !== undefined) replace(path, () => symlinkSync(file.link as string, path));
      else if (file.size === undefined) folders.create(path, file.mode);
      else {
        const options = { flag: "wx", mode: file.mode & ~WRITE };
        replace(path, () => writeFileSync(path, contents.subarray(begin, end), options));
      }
    } catch (error) {
      throw new Problem("FUNCTION_LOAD_FAILED", `Cannot write ${file.path}: ${messageOf(error)}`);
    }
    begin = end;
  }
  folders.protect();
}

/** Folders that a claim has created. */
class CreatedFolders {
  /** Mode by path; undefined for folders that existed. */
  readonly #modes: Map<string, number | undefined>;

  constructor(root: string) {
    mkdirSync(root, { recursive: true });
    this.#modes = new Map([[root, undefined]]);
  }

  /** Creates a folder below the root, unless it exists. */
  create(path: string, mode = 0o755): void {
    if (this.#modes.has(path)) return;
    this.create(dirname(path));
    const isCreated = mkdirSync(path, { recursive: true }) !== undefined;
    this.#modes.set(path, isCreated ? mode : undefined);
  }

  /** Removes the permission to write to the created folders. */
  protect(): void {
    for (const [path, mode] of this.#modes) if (mode !== undefined) chmodSync(path, mode & ~WRITE);
  }
}

/** Creates a file that must not exist, after removing one that does: it may be read-only, or a link to somewhere else. */
function replace(path: string, create: () => void): void {
  try {
    create();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    rmSync(path);
    create();
  }
}
