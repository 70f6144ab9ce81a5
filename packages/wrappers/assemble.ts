import { readFile, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { nodeErrors, pythonErrors } from "./errors.ts";
import { assembleNode } from "./node/assemble.ts";
import { assemblePython } from "./python/assemble.ts";

const root = join(import.meta.dirname, "../..");

/** A committed file that is generated. */
interface GeneratedFile {
  /** Path below the repository's root. */
  readonly path: string;
  readonly text: () => string | Promise<string>;
}

/** Files that `npm run wrappers` writes, in its order: the wrappers are assembled from the error tables on disk. */
export const generatedFiles: readonly GeneratedFile[] = [
  { path: "packages/wrappers/node/src/errors.generated.ts", text: nodeErrors },
  { path: "packages/wrappers/python/src/errors.py", text: pythonErrors },
  { path: "templates/node/.interface.mjs", text: assembleNode },
  { path: "templates/python/.interface.py", text: assemblePython },
];

/** Reads the committed text of a generated file; undefined when it is missing. */
export async function committedText({ path }: GeneratedFile): Promise<string | undefined> {
  return readFile(join(root, path), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}

/** Writes the generated files that differ from their sources. Returns the paths written. */
async function writeGeneratedFiles(): Promise<string[]> {
  const written: string[] = [];
  for (const file of generatedFiles) {
    const text = await file.text();
    if (text === (await committedText(file))) continue;
    await writeFile(join(root, file.path), text);
    written.push(file.path);
  }
  return written;
}

if (import.meta.main) {
  const written = await writeGeneratedFiles();
  for (const path of written) console.log(`Wrote ${path}`);
  if (written.length === 0) console.log(`The wrappers match their sources in ${relative(root, import.meta.dirname)}`);
}
