import { extname } from "node:path";
import { MainFile, outputFolders } from "../../source/main-file.ts";
import type { PackageJson } from "../../source/manifest.ts";
import type { Source } from "../../source/source.ts";
import { isJavaScript, isTypeScript } from "../../typescript/file-names.ts";
import { type NodeCommand, readNodeCommand } from "../command/node-command.ts";
import { parseCommandLine, type SimpleCommand } from "../command/words.ts";

/** Files that start servers by habit, without extension. The usual files of functions come before these. */
const USUAL_STEMS = ["server", "app", "index", "main", "start", "www", "bin/www", "api", "worker"];
const EXTENSIONS = [".mjs", ".js", ".cjs", ".ts", ".mts", ".cts", ".tsx"];
/** Commands in a script that only build, or only run on the user's own machine. */
const BUILDS =
  /^(?:tsc|tsc-alias|swc|babel|esbuild|tsup|rimraf|rm|mkdir|cp|cpx|copyfiles|prisma|echo|webpack|vite|next)$/;
const MAX_DEPTH = 5;

/** Program that a script of package.json runs. */
export type Start =
  | Exclude<NodeCommand, { kind: "script" }>
  /** Another program, as text for the shell. */
  | { readonly kind: "other"; readonly text: string; readonly program: string };

/** Reads what a script of package.json runs; undefined if there is no such script. Scripts that it calls are followed. */
export function readScript(manifest: PackageJson, name = "start", depth = 0): Start | undefined {
  const text = manifest.scripts[name];
  return text === undefined || depth > MAX_DEPTH ? undefined : readStart(text, manifest, depth);
}

/** Reads what a command line runs, with the scripts of package.json that it calls. */
export function readStart(text: string, manifest: PackageJson | undefined, depth = 0): Start | undefined {
  const commands = parseCommandLine(text);
  const rest = commands?.filter((command, index) => index === commands.length - 1 || !isBuild(command, manifest));
  const [only] = rest ?? [];
  if (!only || rest?.length !== 1) return { kind: "other", text, program: "" };
  const command = readNodeCommand(only);
  if (command?.kind === "script")
    return (
      (manifest && readScript(manifest, command.name, depth + 1)) ?? {
        kind: "other",
        text,
        program: only.words[0] ?? "",
      }
    );
  if (command) return command;
  const isWhole = commands?.length === 1;
  const [program = ""] = only.words.filter((word) => word !== "npx");
  return { kind: "other", text: isWhole ? text : lastPart(text), program: program.replace(/^.*\/\.bin\//, "") };
}

const lastPart = (text: string): string =>
  text
    .split(/\s*&&\s*/)
    .at(-1)
    ?.trim() ?? text;

/** Returns true for a command that only prepares the one after it. */
function isBuild(command: SimpleCommand, manifest: PackageJson | undefined): boolean {
  const node = readNodeCommand(command);
  if (node?.kind !== "script") return BUILDS.test(command.words.find((word) => word !== "npx") ?? "");
  return /build|compile|clean|generate|prestart/.test(node.name) && manifest?.scripts[node.name] !== undefined;
}

/** A file that may be loaded. */
export interface EntryFile {
  readonly name: string;
  /** Path without extension that package.json has for it, if the file is the source of that. */
  readonly output?: string;
}

/** Finds the file that a path in a command or in a configuration means: itself, with an extension, in a folder, or the source of an output. */
export async function findEntry(path: string, source: Source): Promise<EntryFile | undefined> {
  const names = new Set(source.entries.map(({ name }) => name));
  const exact = path.replace(/^\.\//, "").replace(/\/$/, "");
  if (exact.startsWith("../") || exact.startsWith("/")) return undefined;
  if (names.has(exact)) return { name: exact };
  const main = new MainFile(exact === "." || exact === "" ? "index" : exact, await outputFolders(source.folder));
  const script = main.scripts.find((name) => names.has(name));
  if (script !== undefined) return { name: script };
  const typescript = main.sources.find((name) => names.has(name));
  return typescript === undefined ? undefined : { name: typescript, output: main.stem };
}

/** Lists the existing files with usual names of a server, at the top and in `src`. */
export function usualEntries(source: Source): EntryFile[] {
  const names = new Set(source.entries.map(({ name }) => name));
  const stems = [...USUAL_STEMS, ...USUAL_STEMS.map((stem) => `src/${stem}`)];
  const found = stems.flatMap((stem) => [...EXTENSIONS.map((extension) => stem + extension), stem]);
  return found.filter((name) => names.has(name)).map((name) => ({ name }));
}

/** Returns a handler for a file and an export. */
export const handlerOf = (file: string, exported: string): string => `${stemOf(file)}.${exported}`;

const stemOf = (file: string): string => file.slice(0, file.length - (hasExtension(file) ? extname(file).length : 0));

export const hasExtension = (file: string): boolean =>
  isTypeScript(file) || isJavaScript(file) || file.endsWith(".jsx");
