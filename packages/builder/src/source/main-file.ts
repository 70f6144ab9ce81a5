import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import { createIgnoreFilter } from "./ignored.ts";
import { readOptionalText } from "./manifest.ts";

const SCRIPTS = [".mjs", ".js", ".cjs"];
const SOURCES = [".ts", ".mts", ".cts", ".tsx"];

/** Folder of a compiler's output with the folder of its sources, relative to the function's folder. */
interface OutputFolder {
  readonly output: string;
  readonly sources: readonly string[];
}

/** File that `main` of a package.json names: with or without extension, a folder, or the output of a source. */
export class MainFile {
  /** Path without extension. */
  readonly stem: string;
  /** Scripts that it may mean, the first one that exists first. */
  readonly scripts: readonly string[];
  /** TypeScript files that it may be the output of. */
  readonly sources: readonly string[];
  readonly #main: string;

  constructor(main: string, folders: readonly OutputFolder[]) {
    this.#main = posix.normalize(main).replace(/^\.\//, "").replace(/\/$/, "");
    const isScript = SCRIPTS.some((extension) => this.#main.endsWith(extension));
    this.stem = this.#main.replace(/\.[mc]?[jt]sx?$/, "");
    const stems = [this.stem, `${this.#main}/index`];
    this.scripts = [...(isScript ? [this.#main] : []), ...withExtensions(stems, SCRIPTS)];
    const sources = stems.flatMap((stem) =>
      folders
        .filter(({ output }) => stem.startsWith(`${output}/`))
        .flatMap((folder) => folder.sources.map((each) => posix.join(each, stem.slice(folder.output.length + 1)))),
    );
    this.sources = withExtensions([...stems, ...sources], SOURCES);
  }

  /** Says why the file is not deployed. */
  problem(folder: string): string {
    const [first = ""] = this.#main.split("/");
    const isIgnored = createIgnoreFilter(folder)(this.#main, false);
    const exists = [this.#main, ...this.scripts].some((name) => existsSync(join(folder, name)));
    const named = `"main" in package.json is "${this.#main}", which`;
    const include = `add "!${this.#main.includes("/") ? `${first}/` : first}" to .faasignore to deploy it.`;
    if (isIgnored)
      return `${named} .gitignore or .faasignore excludes${exists ? "" : " and which does not exist: build it, and"}${exists ? ":" : ""} ${include}`;
    return exists ? `${named} cannot be a handler.` : `${named} does not exist: build it first.`;
  }
}

const withExtensions = (stems: readonly string[], extensions: readonly string[]): string[] =>
  stems.flatMap((stem) => extensions.map((extension) => stem + extension));

/** Reads where the compiler writes to: `outDir` and `rootDir` of `tsconfig.json`, or else the usual folders. */
export async function outputFolders(folder: string): Promise<readonly OutputFolder[]> {
  const usual = ["dist", "build", "lib", "out"].map((output) => ({ output, sources: ["src", "."] }));
  if ((await readOptionalText(join(folder, "tsconfig.json"))) === undefined) return usual;
  // Loaded on demand: most functions have no such file.
  const { Tsconfigs } = await import("../typescript/tsconfig.ts");
  const { outDir, rootDir } = new Tsconfigs(folder).optionsFor(join(folder, "index.ts"))?.compilerOptions ?? {};
  if (outDir === undefined) return usual;
  const sources = rootDir === undefined ? ["src", "."] : [posix.normalize(rootDir)];
  return [{ output: posix.normalize(outDir).replace(/\/$/, ""), sources }, ...usual];
}
