import { basename, dirname, join } from "node:path";
import { FaasError } from "@faas/core";

/** A file that is made, not found. */
export interface Compiled {
  readonly name: string;
  readonly text: string;
}

/**
 * The handler's TypeScript with all that it imports of the folder, as one `.mjs` with its source map inside, so that stacks name the
 * `.ts` lines. Packages stay imports. BUILD_FAILED names file, line and column of each error.
 */
export async function compile(folder: string, entry: string, hasTsconfig: boolean): Promise<Compiled> {
  const { build } = await import("esbuild");
  const name = join(dirname(entry), `${basename(entry).replace(/\.m?ts$/, "")}.mjs`);
  try {
    const { outputFiles } = await build({
      absWorkingDir: folder,
      entryPoints: [entry],
      outfile: name,
      write: false,
      bundle: true,
      packages: "external",
      platform: "node",
      target: "node22",
      format: "esm",
      // Paths relative to the folder: the same text on any machine.
      sourcemap: "inline",
      sourcesContent: false,
      logLevel: "silent",
      // Else esbuild takes the one of a folder above, which is not part of the function.
      ...(hasTsconfig ? {} : { tsconfigRaw: "{}" }),
    });
    return { name, text: outputFiles[0]?.text ?? "" };
  } catch (error) {
    const { errors = [] } = error as { errors?: readonly Message[] };
    if (errors.length === 0) throw error;
    const lines = errors.map(describe);
    throw new FaasError("BUILD_FAILED", lines.join("\n"), { cause: error });
  }
}

interface Message {
  readonly text: string;
  readonly location: { readonly file: string; readonly line: number; readonly column: number } | null;
}

/** Columns begin with 1, as editors count them. */
const describe = ({ text, location }: Message) =>
  location ? `${location.file}:${location.line}:${location.column + 1}: ${text}` : text;
