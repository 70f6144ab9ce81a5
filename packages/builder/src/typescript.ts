import { basename, dirname, join } from "node:path";
import { FaasError } from "@faas/core";

/** A file that is made, not found. */
export interface Compiled {
  readonly name: string;
  readonly text: string;
}

/**
 * The handler's TypeScript with all that it imports of the folder, as one `.mjs` with its source map inside, so that stacks name the
 * `.ts` lines. Packages stay imports. BUILD_FAILED names file, line and column.
 */
export async function compile(folder: string, entry: string): Promise<Compiled> {
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
      sourcemap: "inline",
      sourcesContent: false,
      logLevel: "silent",
    });
    return { name, text: outputFiles[0]?.text ?? "" };
  } catch (error) {
    const { errors = [] } = error as {
      errors?: { text: string; location: { file: string; line: number; column: number } | null }[];
    };
    if (errors.length === 0) throw error;
    const lines = errors.map(({ text, location }) =>
      location ? `${location.file}:${location.line}:${location.column}: ${text}` : text,
    );
    throw new FaasError("BUILD_FAILED", lines.join("\n"), { cause: error });
  }
}
