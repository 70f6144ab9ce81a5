import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { ENDPOINT_NAME_MAX, endpointNameProblem, FaasError, type Language, projectJsonSchema } from "@faas/core";
import { PROJECT_FILE } from "./project.ts";

/** Schema beside `faas.json`, which editors find without a network: docs/decisions/0004-local-json-schema.md. */
const SCHEMA_FILE = "faas.schema.json";

const TEMPLATES = fileURLToPath(new URL("../../../../templates/", import.meta.url));
const STARTERS: Record<Language, string> = {
  node: "node/starter-node",
  typescript: "node/starter-typescript",
  python: "python/starter",
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
}

/**
 * Writes a starter function with its `faas.json`, dependency manifest and test. Returns the files, relative to the folder.
 *
 * @throws FILES_EXIST, without writing anything, when one of the files exists
 */
export async function writeStarter({ folder, runtime, org, name }: Starter): Promise<string[]> {
  const template = join(TEMPLATES, STARTERS[runtime]);
  const copied = await filesIn(template);
  const project = `${JSON.stringify({ $schema: `./${SCHEMA_FILE}`, org, endpoint: name, runtime }, null, 2)}\n`;
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
