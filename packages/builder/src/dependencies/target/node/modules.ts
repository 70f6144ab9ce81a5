import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { type FoundBinary, findBinary } from "../binary/fit.ts";

/** Package in an installed `node_modules`. */
export interface InstalledModule {
  /** Path relative to the folder of `node_modules`, as in npm's lock file: `node_modules/a/node_modules/b`. */
  readonly path: string;
  readonly name: string;
  readonly version: string;
  readonly manifest: ModuleManifest;
  readonly binaries: readonly FoundBinary[];
  /** True if it has a `binding.gyp`, which npm compiles when no script says otherwise. */
  readonly hasGyp: boolean;
}

/** Fields of `package.json`; nothing checks the types of a package's. */
export type ModuleManifest = Readonly<Record<string, unknown>>;

/** Lists the packages below a folder, with their binaries. Files are read one at a time. */
export async function* installedModules(
  root: string,
  folder = join(root, "node_modules"),
): AsyncGenerator<InstalledModule> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(ifMissing);
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name.startsWith(".") || !entry.isDirectory()) continue;
    const path = join(folder, entry.name);
    if (entry.name.startsWith("@")) yield* installedModules(root, path);
    else yield* moduleIn(root, path);
  }
}

async function* moduleIn(root: string, folder: string): AsyncGenerator<InstalledModule> {
  const binaries: FoundBinary[] = [];
  const nested: string[] = [];
  let hasGyp = false;
  for await (const path of filesOf(folder, nested)) {
    if (path === join(folder, "binding.gyp")) hasGyp = true;
    const binary = await findBinary(path);
    if (binary) binaries.push(binary);
  }
  const manifest = await readModuleManifest(folder);
  const path = relative(root, folder).replaceAll("\\", "/");
  const name = typeof manifest.name === "string" ? manifest.name : path.slice(path.lastIndexOf("node_modules/") + 13);
  const version = typeof manifest.version === "string" ? manifest.version : "";
  yield { path, name, version, manifest, binaries, hasGyp };
  for (const each of nested) yield* installedModules(root, each);
}

/** Lists the files of a package, and collects the `node_modules` folders within. */
async function* filesOf(folder: string, nested: string[]): AsyncGenerator<string> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isFile()) yield path;
    else if (entry.isDirectory() && entry.name === "node_modules") nested.push(path);
    else if (entry.isDirectory()) yield* filesOf(path, nested);
  }
}

async function readModuleManifest(folder: string): Promise<ModuleManifest> {
  try {
    const manifest = JSON.parse((await readFile(join(folder, "package.json"), "utf8")).replace(/^\ufeff/, ""));
    return typeof manifest === "object" && manifest !== null ? manifest : {};
  } catch {
    // Node can load a package without a manifest, and npm installs what does not parse as one if nothing needs it.
    return {};
  }
}

function ifMissing(error: NodeJS.ErrnoException): [] {
  if (error.code === "ENOENT") return [];
  throw error;
}
