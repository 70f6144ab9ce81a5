import { join } from "node:path";
import { build } from "esbuild";

const HEADER = `/**
 * The faas wrapper for Node: serves HTTP, calls the user's function and sends its result (docs/wrapper-protocol.md).
 * Generated from packages/wrappers/node/src by \`npm run wrappers\`. Do not edit; the comments are in the sources.
 */`;

/** Bundles the sources of the Node wrapper. Returns the text of templates/node/.interface.mjs. */
export async function assembleNode(): Promise<string> {
  const { outputFiles } = await build({
    // Paths of source files in the output are relative to this folder.
    absWorkingDir: join(import.meta.dirname, "../../.."),
    entryPoints: [join(import.meta.dirname, "src/main.ts")],
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    target: "node22",
    charset: "utf8",
    legalComments: "none",
    // Fields become assignments in the constructor: a field declared without a value costs nothing per call.
    tsconfigRaw: { compilerOptions: { useDefineForClassFields: false, verbatimModuleSyntax: true } },
    banner: { js: HEADER },
  });
  const [output] = outputFiles;
  if (output === undefined) throw new Error("Expected esbuild to write one file, got none");
  return output.text;
}
