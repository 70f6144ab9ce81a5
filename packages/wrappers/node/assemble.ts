import { join } from "node:path";
import { build } from "esbuild";

const HEADER = `/**
 * The faas wrapper for Node: serves HTTP, calls the user's function and sends what it returns (docs/wrapper-protocol.md).
 * Generated from packages/wrappers/node/src by \`npm run wrappers\`. Do not edit; the comments are in the sources.
 */`;

/** Bundles the sources of the Node wrapper. Returns the text of templates/node/.interface.mjs. */
export async function assembleNode(): Promise<string> {
  const { outputFiles } = await build({
    // Names of the source files in the output are relative to it.
    absWorkingDir: join(import.meta.dirname, "../../.."),
    entryPoints: [join(import.meta.dirname, "src/main.ts")],
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    target: "node22",
    charset: "utf8",
    legalComments: "none",
    // Fields become assignments in the constructor: one that is declared without a value costs nothing for each call.
    tsconfigRaw: { compilerOptions: { useDefineForClassFields: false, verbatimModuleSyntax: true } },
    banner: { js: HEADER },
  });
  const [output] = outputFiles;
  if (output === undefined) throw new Error("Expected esbuild to write one file, got none");
  return output.text;
}
