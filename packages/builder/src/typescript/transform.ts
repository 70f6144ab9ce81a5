import { readFileSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { FaasError } from "@faas/core";
import type { Loader, TransformOptions } from "esbuild";
import type { ModuleFormat } from "./file-names.ts";
import type { TsconfigOptions } from "./tsconfig.ts";

/** A file to transform. */
export interface TransformInput {
  /** Path relative to the function's folder, for messages. */
  readonly name: string;
  readonly text: string;
  readonly format: ModuleFormat;
  readonly tsconfig: TsconfigOptions | undefined;
}

/** Thrown for a file with top-level `await`, which CommonJS does not have. */
export class TopLevelAwaitError extends Error {}

/** Fields of `import.meta` by their name in CommonJS; `prelude.ts` declares these. */
const META_IN_CJS = {
  "import.meta.url": "__faas_url",
  "import.meta.resolve": "__faas_resolve",
  "import.meta.main": "__faas_main",
  "import.meta.dirname": "__dirname",
  "import.meta.filename": "__filename",
};
const CJS_IN_ESM = { __dirname: "import.meta.dirname", __filename: "import.meta.filename" };

/** Options of a `tsconfig.json` that change the output. */
const OPTIONS = [
  ...["alwaysStrict", "experimentalDecorators", "target", "useDefineForClassFields"],
  ...["verbatimModuleSyntax", "preserveValueImports", "importsNotUsedAsValues"],
  ...["jsx", "jsxFactory", "jsxFragmentFactory", "jsxImportSource"],
] as const;

/** Decorator of a class or a member at the beginning of a line. */
const DECORATOR = /^[\t ]*(?:export\s+(?:default\s+)?)?@[A-Za-z_$(]/m;

/**
 * Transforms a TypeScript or JSX file into JavaScript of a module format, with an inline source map.
 *
 * @throws BUILD_FAILED with file, line and column of each error
 */
export async function transformFile(input: TransformInput): Promise<string> {
  const { transform } = await import("esbuild");
  const { name, format, tsconfig } = input;
  const options = tsconfig?.compilerOptions ?? {};
  const hasDecorators = DECORATOR.test(input.text);
  const hasMetadata =
    options.emitDecoratorMetadata === true && options.experimentalDecorators === true && input.text.includes("@");
  const isDecorated = hasMetadata && /\.[mc]?tsx?$/.test(name);
  const text = isDecorated ? await emitMetadata(input) : input.text;
  const compilerOptions = Object.fromEntries(OPTIONS.map((option) => [option, options[option]]));
  try {
    const { code } = await transform(text, {
      loader: loaderOf(name, isDecorated),
      format,
      platform: "node",
      target: "node22",
      // The path in the source map is relative to the output: the output does not depend on the machine.
      sourcefile: basename(name),
      sourcemap: "inline",
      sourcesContent: false,
      logLevel: "silent",
      // A decorated class would be renamed, and libraries derive tables and tokens from its name.
      keepNames: hasDecorators,
      define: format === "cjs" ? META_IN_CJS : CJS_IN_ESM,
      // A module is strict, also as CommonJS.
      tsconfigRaw: { compilerOptions: { ...compilerOptions, alwaysStrict: options.alwaysStrict ?? true } },
    } as TransformOptions);
    return code;
  } catch (error) {
    const { errors = [] } = error as { errors?: readonly Message[] };
    if (errors.length === 0) throw error;
    if (errors.every(({ text: message }) => /^Top-level await is currently not supported/.test(message)))
      throw new TopLevelAwaitError(describe(name, errors[0] as Message));
    throw new FaasError("BUILD_FAILED", errors.map((message) => describe(name, message)).join("\n"), { cause: error });
  }
}

function loaderOf(name: string, isDecorated: boolean): Loader {
  const extension = extname(name);
  if (extension === ".tsx") return isDecorated ? "jsx" : "tsx";
  if (extension === ".jsx") return "jsx";
  return isDecorated || /js$/.test(extension) ? "js" : "ts";
}

/** Compiles with TypeScript itself, which alone knows what `emitDecoratorMetadata` emits; imports and JSX stay as they are. */
async function emitMetadata({ name, text, tsconfig }: TransformInput): Promise<string> {
  const { default: ts } = await import("typescript-api");
  const { convertCompilerOptionsFromJson, transpileModule, JsxEmit, ModuleKind, ScriptTarget } = ts;
  const defaults = tsconfig && !isStrictByDefault(dirname(tsconfig.path)) ? { strict: false } : {};
  const { options } = convertCompilerOptionsFromJson({ ...defaults, ...tsconfig?.compilerOptions }, "/");
  const { outputText, diagnostics = [] } = transpileModule(text, {
    fileName: basename(name),
    reportDiagnostics: true,
    compilerOptions: {
      ...options,
      module: ModuleKind.ESNext,
      target: Math.max(options.target ?? ScriptTarget.ES2022, ScriptTarget.ES2020),
      jsx: JsxEmit.Preserve,
      noEmitHelpers: false,
      importHelpers: false,
      sourceMap: false,
      inlineSourceMap: true,
      inlineSources: false,
      sourceRoot: undefined,
      mapRoot: undefined,
      declaration: false,
      declarationMap: false,
      composite: false,
      incremental: false,
    },
  });
  const errors = diagnostics
    .filter((each) => each.file)
    .map(({ file, start = 0, messageText }) => {
      const { line = 0, character = 0 } = file?.getLineAndCharacterOfPosition(start) ?? {};
      return `${name}:${line + 1}:${character + 1}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
    });
  if (errors.length > 0) throw new FaasError("BUILD_FAILED", errors.join("\n"));
  return outputText;
}

/** Returns false for a project that uses a TypeScript before version 6, whose metadata omits `null` from types without `strict`. */
function isStrictByDefault(folder: string): boolean {
  try {
    const { dependencies, devDependencies } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const [major] = /\d+/.exec(devDependencies?.typescript ?? dependencies?.typescript ?? "") ?? [];
    return major === undefined || Number(major) >= 6;
  } catch {
    return true;
  }
}

interface Message {
  readonly text: string;
  readonly location: { readonly line: number; readonly column: number } | null;
}

/** Formats an error with the column counted from 1, as editors do. */
const describe = (name: string, { text, location }: Message) =>
  location ? `${name}:${location.line}:${location.column + 1}: ${text}` : `${name}: ${text}`;
