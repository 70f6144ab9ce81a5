import { realpathSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/**
 * Paths of a function's files in its output. The folder that its code is copied to means nothing to its author, and its callers must not learn it: paths
 * in it are shortened to those in the author's own folder.
 */
export class SourcePaths {
  readonly #sourceFolder: string | undefined;
  /** Beginnings of the paths and addresses of files in the code's folder, with their replacements. */
  #prefixes: readonly (readonly [from: string, to: string])[] = [];

  /** @param sourceFolder folder that the paths are shown in; without it they are relative */
  constructor(sourceFolder: string | undefined) {
    this.#sourceFolder = sourceFolder;
  }

  /** Sets the folder that the process runs the code in. */
  locate(folder: string): void {
    const source = this.#sourceFolder;
    const [href, path] = source === undefined ? ["", ""] : [`${pathToFileURL(source).href}/`, join(source, "/")];
    // The address first: it contains the path.
    this.#prefixes = [...new Set([folder, realPath(folder)])].flatMap((each) => [
      [`${pathToFileURL(each).href}/`, href],
      [join(each, "/"), path],
    ]);
  }

  /** Returns a text of the function with the author's own paths. */
  shorten(text: string): string {
    let result = text;
    for (const [from, to] of this.#prefixes) if (result.includes(from)) result = result.replaceAll(from, to);
    return result;
  }
}

/** Returns the path that programs see in a folder that may be a link. */
function realPath(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return folder;
  }
}
