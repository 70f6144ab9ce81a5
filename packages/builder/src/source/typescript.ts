import { basename, dirname, join } from "node:path";
import { FaasError } from "@faas/core";

/** A file compiled from TypeScript. */
export interface Compiled {
  readonly name: string;
  readonly text: string;
}

/**
 * Compiles the handler's file and its imports from the folder into one `.mjs`, with an inline source map so that stack traces have the `.ts`
 * lines. Packages are not bundled.
 *
 * @throws BUILD_FAILED with file, line and column of each error
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
      // Paths are relative to the folder: the output does not depend on the machine.
      sourcemap: "inline",
      sourcesContent: false,
      logLevel: "silent",
      // Otherwise esbuild uses a tsconfig.json in a parent folder, which is not part of the function.
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

/** Formats an error with the column counted from 1, as editors do. */
const describe = ({ text, location }: Message) =>
  location ? `${location.file}:${location.line}:${location.column + 1}: ${text}` : text;
