import { dirname, join, relative, resolve } from "node:path";
import { type BuildOptions, build, type Plugin } from "esbuild";
import { COMMENT_END, LAZY_CODE_MARK } from "./src/lazy/code-mark.ts";

const HEADER = `/**
 * The faas wrapper for Node: serves HTTP, calls the user's function and sends its result (docs/wrapper-protocol.md).
 * Generated from packages/wrappers/node/src by \`npm run wrappers\`. Do not edit; the comments are in the sources.
 */`;

/** Paths of source files in the output are relative to this folder. */
const root = join(import.meta.dirname, "../../..");
const source = join(import.meta.dirname, "src");
const SHARED_MODULES = join(source, "lazy/shared-modules.ts");

const common: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  target: "node22",
  charset: "utf8",
  legalComments: "none",
  // Fields become assignments in the constructor: a field declared without a value costs nothing per call.
  tsconfigRaw: { compilerOptions: { useDefineForClassFields: false, verbatimModuleSyntax: true } },
};

/**
 * Bundles the sources of the Node wrapper. Returns the text of templates/node/.interface.mjs. The code of `lazy/entry.ts` is in a comment at its end, and
 * is compiled when it is first used: a start with a plain handler does not pay for it.
 */
export async function assembleNode(): Promise<string> {
  const lazy = await bundleLazyCode(await modulesOfMain());
  const shared = await sharedModules(lazy.shared);
  const plugin: Plugin = {
    name: "shared-modules",
    setup: ({ onLoad }) => onLoad({ filter: /\/shared-modules\.ts$/ }, () => shared),
  };
  const text = await textOf({ ...main, plugins: [plugin], banner: { js: HEADER } });
  return `${text}${LAZY_CODE_MARK}${lazy.text.replaceAll("*/", COMMENT_END)}*/\n`;
}

const main: BuildOptions = { ...common, entryPoints: [join(source, "main.ts")], format: "esm" };

/** Lists the sources of the main bundle. */
async function modulesOfMain(): Promise<ReadonlySet<string>> {
  const { metafile } = await build({ ...main, metafile: true, write: false });
  return new Set(Object.keys(metafile.inputs).map((path) => join(root, path)));
}

/** Bundles the lazy code. Modules of the main bundle are not in it: it asks for these by their paths. */
async function bundleLazyCode(modules: ReadonlySet<string>): Promise<{ text: string; shared: string[] }> {
  const shared = new Set<string>();
  const plugin: Plugin = {
    name: "shared",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^\./ }, ({ path, importer }) => {
        const file = resolve(dirname(importer), path);
        if (!modules.has(file)) return undefined;
        shared.add(file);
        return { path: relative(source, file), namespace: "shared" };
      });
      onLoad({ filter: /.*/, namespace: "shared" }, ({ path }) => ({
        contents: `module.exports = shared(${JSON.stringify(path)})`,
      }));
    },
  };
  const text = await textOf({
    ...common,
    entryPoints: [join(source, "lazy/entry.ts")],
    format: "iife",
    globalName: "lazy",
    plugins: [plugin],
    minify: true,
    // The text becomes the body of a function.
    footer: { js: "return lazy.functions;" },
  });
  return { text, shared: [...shared].sort() };
}

/** Writes the module that has all shared modules by their paths. Their exports are looked up when used, because they import each other. */
async function sharedModules(files: readonly string[]): Promise<{ contents: string; resolveDir: string }> {
  const { metafile } = await build({
    ...common,
    bundle: false,
    entryPoints: [...files],
    outdir: "/",
    format: "esm",
    metafile: true,
    write: false,
  });
  const exportsByFile = new Map(Object.values(metafile.outputs).map((each) => [each.entryPoint, each.exports]));
  const imports = files.map((file, i) => `import * as m${i} from ${JSON.stringify(file)};`);
  const entries = files.map((file, i) => {
    const getters = exportsByFile.get(relative(root, file))?.map((name) => `get ${name}() { return m${i}.${name}; }`);
    return `${JSON.stringify(relative(source, file))}: () => ({ ${getters?.join(", ")} })`;
  });
  const contents = `${imports.join("\n")}\nexport const sharedModules = { ${entries.join(", ")} };`;
  return { contents, resolveDir: dirname(SHARED_MODULES) };
}

async function textOf(options: BuildOptions): Promise<string> {
  const { outputFiles } = await build({ ...options, write: false });
  const [output] = outputFiles;
  if (output === undefined) throw new Error("Expected esbuild to write one file, got none");
  return output.text;
}
