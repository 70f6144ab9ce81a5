import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type App,
  ENDPOINT_NAME_MAX,
  endpointNameProblem,
  FaasError,
  type Language,
  projectJsonSchema,
} from "@faas/core";
import { PROJECT_FILE } from "./project.ts";

/** Schema beside `faas.json`, which editors find without a network: docs/decisions/0004-local-json-schema.md. */
const SCHEMA_FILE = "faas.schema.json";

const TEMPLATES = fileURLToPath(new URL("../../../../templates/", import.meta.url));
const STARTERS: Record<Language, string> = {
  node: "node/starter-node",
  typescript: "node/starter-typescript",
  python: "python/starter",
};

/** Starters that are servers of the Model Context Protocol, and how they serve requests. */
const MCP_STARTERS: Partial<Record<Language, { readonly path: string; readonly app: App }>> = {
  node: { path: "node/starter-mcp", app: "fetch" },
  python: { path: "python/starter-mcp", app: "asgi" },
};

/** Files that running a starter inside the templates leaves behind. */
const LEFTOVERS = new Set(["node_modules", "dist", "__pycache__"]);

export interface Starter {
  /** Absolute path of the folder to write to; created if missing. */
  readonly folder: string;
  readonly runtime: Language;
  readonly org: string;
  /** Name of the endpoint and of the package. */
  readonly name: string;
  /** True: a server of the Model Context Protocol. */
  readonly isMcp?: boolean;
}

/**
 * Writes a starter function with its `faas.json`, dependency manifest and test. Returns the files, relative to the folder.
 *
 * @throws USAGE for a language without a starter of the kind
 * @throws FILES_EXIST, without writing anything, when one of the files exists
 */
export async function writeStarter({ folder, runtime, org, name, isMcp = false }: Starter): Promise<string[]> {
  const mcp = isMcp ? mcpStarter(runtime) : undefined;
  const template = join(TEMPLATES, mcp?.path ?? STARTERS[runtime]);
  const copied = await filesIn(template);
  const settings = { $schema: `./${SCHEMA_FILE}`, org, endpoint: name, runtime, ...(mcp && { app: mcp.app }) };
  const project = `${JSON.stringify(settings, null, 2)}\n`;
  const written = { [PROJECT_FILE]: project, [SCHEMA_FILE]: projectJsonSchema() };
  const files = [...new Set([...Object.keys(written), ...copied])].sort();

  const existing: string[] = [];
  for (const file of files) if (await exists(join(folder, file))) existing.push(file);
  if (existing.length > 0)
    throw new FaasError(
      "FILES_EXIST",
      `${folder} already has ${existing.join(", ")}. Choose another folder, or move them`,
    );

  const copies = copied.map(async (file): Promise<[string, string]> => {
    const text = await readFile(join(template, file), "utf8");
    return [file, text.replaceAll("{{name}}", name)];
  });
  const texts = { ...Object.fromEntries(await Promise.all(copies)), ...written };
  for (const [file, text] of Object.entries(texts)) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), text, { flag: "wx" });
  }
  return files;
}

function mcpStarter(runtime: Language) {
  const starter = MCP_STARTERS[runtime];
  if (starter !== undefined) return starter;
  const known = Object.keys(MCP_STARTERS).join(" or ");
  throw new FaasError("USAGE", `Expected --runtime ${known} with --mcp, got ${runtime}`);
}

/** Derives an endpoint name from a folder: characters that a DNS-1123 label does not allow become hyphens. */
export function endpointNameOf(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, ENDPOINT_NAME_MAX)
    .replace(/^-+|-+$/g, "");
  return endpointNameProblem(name) === undefined ? name : "hello";
}

/** Lists all files below a folder, with `/` between the parts of their paths. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
    .filter((file) => !file.split("/").some((part) => LEFTOVERS.has(part)));
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
