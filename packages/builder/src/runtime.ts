import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FaasError, type Runtime } from "@faas/core";
import type { Source } from "./source.ts";

export interface Detected {
  readonly runtime: Runtime;
  /** The file that holds the handler; names have `/`. */
  readonly entry: string;
}

const NODE_FILES = ["index", "main", "handler", "function", "app"];
const PYTHON_FILES = ["main", "handler", "function", "app", "index"];
const EXTENSIONS: Record<Runtime, readonly string[]> = {
  node: [".mjs", ".js", ".cjs"],
  typescript: [".ts", ".mts", ".mjs", ".js", ".cjs"],
  python: [".py"],
};

/** The language of a folder, and the file that holds its handler. RUNTIME_UNKNOWN, HANDLER_NOT_FOUND, MANIFEST_INVALID. */
export async function detect(
  source: Source,
  runtime: Runtime | undefined,
  handler: string | undefined,
): Promise<Detected> {
  const names = new Set(source.entries.map(({ name }) => name));
  const chosen = runtime ?? detectRuntime(names, handler);
  if (!chosen) {
    throw new FaasError(
      "RUNTIME_UNKNOWN",
      `${source.folder} looks like no runtime: expected package.json or *.mjs *.js *.cjs (node), tsconfig.json or *.ts (typescript), requirements.txt, pyproject.toml or *.py (python). Say which with --runtime`,
    );
  }
  const files = chosen === "python" ? PYTHON_FILES : NODE_FILES;
  const bases = handler === undefined ? files : [handler.slice(0, handler.lastIndexOf("."))];
  const candidates = bases.flatMap((base) => EXTENSIONS[chosen].map((extension) => base + extension));
  if (handler === undefined && chosen === "node") candidates.splice(3, 0, ...(await mainOf(source)));
  const entry = candidates.find((name) => names.has(name));
  if (entry) return { runtime: chosen, entry };
  const has = source.entries.slice(0, 10).map(({ name }) => name);
  throw new FaasError(
    "HANDLER_NOT_FOUND",
    `Expected the handler${handler ? ` "${handler}"` : ""} in one of ${candidates.join(", ")}; the folder has ${has.join(", ")}${source.entries.length > 10 ? ", …" : ""}. Name it with --handler file.export`,
  );
}

function detectRuntime(names: ReadonlySet<string>, handler: string | undefined): Runtime | undefined {
  const top = [...names].filter((name) => !name.includes("/"));
  const any = (pattern: RegExp) => top.some((name) => pattern.test(name));
  const file = handler?.slice(0, handler.lastIndexOf("."));
  if (file !== undefined) {
    if (names.has(`${file}.py`)) return "python";
    if (names.has(`${file}.ts`) || names.has(`${file}.mts`)) return "typescript";
    if (EXTENSIONS.node.some((extension) => names.has(file + extension))) return "node";
  }
  const typed = NODE_FILES.some((base) => names.has(`${base}.ts`) || names.has(`${base}.mts`));
  if (typed || (names.has("tsconfig.json") && any(/(?<!\.d)\.m?ts$/))) return "typescript";
  if (names.has("package.json") || NODE_FILES.some((base) => any(new RegExp(`^${base}\\.[mc]?js$`)))) return "node";
  if (names.has("requirements.txt") || names.has("pyproject.toml") || any(/\.py$/)) return "python";
  return any(/\.[mc]?js$/) ? "node" : undefined;
}

async function mainOf(source: Source): Promise<string[]> {
  const manifest = await readPackageJson(source.folder);
  return typeof manifest?.main === "string" ? [manifest.main.replace(/^\.\//, "")] : [];
}

export interface PackageJson {
  readonly main?: unknown;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** `package.json` of a folder; undefined when there is none. MANIFEST_INVALID. */
export async function readPackageJson(folder: string): Promise<PackageJson | undefined> {
  const path = join(folder, "package.json");
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const manifest = JSON.parse(text);
    if (typeof manifest === "object" && manifest !== null && !Array.isArray(manifest)) return manifest;
  } catch (error) {
    throw new FaasError("MANIFEST_INVALID", `${path} does not parse: ${(error as Error).message}`, { cause: error });
  }
  throw new FaasError("MANIFEST_INVALID", `Expected ${path} to hold an object`);
}
