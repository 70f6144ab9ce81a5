import { readFile } from "node:fs/promises";
import { relative } from "node:path";
import { FaasError } from "@faas/core";
import { unreadable } from "../source/source.ts";
import {
  compiledName,
  formatOfExtension,
  isJavaScript,
  isOutside,
  isTypeScript,
  type ModuleFormat,
  needsTransform,
} from "./file-names.ts";
import { type ModuleSyntax, parseModule } from "./module-syntax.ts";
import type { PackageScopes } from "./package-scopes.ts";
import { transformFile } from "./transform.ts";
import type { Tsconfigs } from "./tsconfig.ts";

/** File of a function as JavaScript, with the specifiers as in its source. */
export interface ModuleFile {
  readonly path: string;
  /** Path relative to the function's folder. */
  readonly name: string;
  /** Path in the bundle. */
  readonly target: string;
  readonly text: string;
  /** JavaScript before specifiers are rewritten. */
  readonly code: string;
  readonly format: ModuleFormat;
  readonly syntax: ModuleSyntax;
  /** True if `code` comes from a compiler. */
  readonly isCompiled: boolean;
}

/** Settings of a compilation. */
export interface CompileContext {
  readonly folder: string;
  readonly tsconfigs: Tsconfigs;
  readonly scopes: PackageScopes;
  /** Called for each file that is read. */
  readonly onInput?: ((path: string) => void) | undefined;
}

/**
 * Reads a module and compiles it if it needs that: TypeScript, JSX, and modules in a format that Node does not expect of the file.
 *
 * @throws BUILD_FAILED
 * @throws TopLevelAwaitError
 */
export async function loadModule(path: string, context: CompileContext): Promise<ModuleFile> {
  const name = relative(context.folder, path);
  context.onInput?.(path);
  const text = await readFile(path, "utf8").catch((error) => {
    throw unreadable(path, error);
  });
  const scope = context.scopes.nodeFormat(path);
  const wanted = formatOfExtension(name) ?? context.scopes.wantedFormat(path);
  const plain = isJavaScript(name) ? parsed(name, text) : undefined;
  if (plain && (plain.format === wanted || plain.format === "cjs")) {
    const target = isOutside(name) ? compiledName(name, plain.format, scope) : name;
    return { path, name, target, text, code: text, format: plain.format, syntax: plain, isCompiled: false };
  }
  const tsconfig = context.tsconfigs.optionsFor(path);
  const code = await transformFile({ name, text, format: wanted, tsconfig });
  const target = isJavaScript(name) && !isOutside(name) ? name : compiledName(name, wanted, scope);
  return { path, name, target, text, code, format: wanted, syntax: parsed(name, code, wanted), isCompiled: true };
}

function parsed(name: string, code: string, known?: ModuleFormat): ModuleSyntax {
  try {
    return parseModule(code, known);
  } catch (cause) {
    const { loc, message } = cause as SyntaxError & {
      readonly loc?: { readonly line: number; readonly column: number };
    };
    const position = loc ? `${name}:${loc.line}:${loc.column + 1}` : name;
    throw new FaasError("BUILD_FAILED", `${position}: ${message.replace(/ \(\d+:\d+\)$/, "")}`, { cause });
  }
}

/** Returns true for a file that is a module, as far as its name says. */
export const isModule = (name: string): boolean => needsTransform(name) || isTypeScript(name) || isJavaScript(name);
