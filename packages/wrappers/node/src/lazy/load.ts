import { readFileSync } from "node:fs";
import { pathOf, WRAPPER_FILE } from "../options.ts";
import { COMMENT_END, LAZY_CODE_MARK } from "./code-mark.ts";
import type { LazyFunctions } from "./functions.ts";
import { sharedModules } from "./shared-modules.ts";

let functions: LazyFunctions | undefined;

/** Returns the lazy code, compiled on the first call. */
export function lazy(): LazyFunctions {
  functions ??= compile();
  return functions;
}

/** Returns the lazy code if it has been used. */
export function lazyIfUsed(): LazyFunctions | undefined {
  return functions;
}

/** Compiles the bundle of `entry.ts`, which the build has put into a comment at the end of this file: there it costs a start nearly nothing. */
function compile(): LazyFunctions {
  const filename = pathOf(WRAPPER_FILE);
  const text = readFileSync(filename, "utf8");
  const code = text.slice(text.lastIndexOf(LAZY_CODE_MARK) + LAZY_CODE_MARK.length, text.lastIndexOf("*/"));
  const { compileFunction } = process.getBuiltinModule("node:vm");
  const run = compileFunction(code.replaceAll(COMMENT_END, "*/"), ["require", "shared"], {
    filename,
  });
  return run(process.getBuiltinModule, (path: string) => sharedModules[path]?.());
}
