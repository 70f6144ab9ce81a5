import { readdir } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { readOptionalText } from "../source/manifest.ts";

/** Workspace of npm, yarn or pnpm that a folder belongs to. */
export interface Workspace {
  /** Folder of the `package.json` or `pnpm-workspace.yaml` that lists the packages. */
  readonly root: string;
  /** Folders of the packages, by name. */
  readonly packages: ReadonlyMap<string, string>;
  /** Their `package.json`, by folder. */
  readonly manifests: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
  /** `package.json` of the root. */
  readonly manifest: Readonly<Record<string, unknown>>;
}

/** Finds the workspace that a folder is a package of: the nearest one above it that lists it. */
export async function findWorkspace(folder: string): Promise<Workspace | undefined> {
  for (let root = dirname(folder); root !== dirname(root); root = dirname(root)) {
    const manifest = (await readManifest(root)) ?? {};
    const patterns = [...workspacePatterns(manifest), ...(await pnpmPatterns(root))];
    if (patterns.length === 0) continue;
    const folders = await expand(root, patterns);
    if (!folders.includes(folder)) continue;
    const packages = new Map<string, string>();
    const manifests = new Map<string, Readonly<Record<string, unknown>>>();
    for (const each of folders) {
      const found = (await readManifest(each)) ?? {};
      manifests.set(each, found);
      if (typeof found.name === "string") packages.set(found.name, each);
    }
    return { root, packages, manifests, manifest };
  }
  return undefined;
}

/** Reads a `package.json` of the workspace; undefined if it is missing or does not parse, which its own deployment reports. */
export async function readManifest(folder: string): Promise<Record<string, unknown> | undefined> {
  try {
    const text = await readOptionalText(join(folder, "package.json"));
    return text === undefined ? undefined : JSON.parse(text.replace(/^\ufeff/, ""));
  } catch {
    return undefined;
  }
}

function workspacePatterns({ workspaces }: Readonly<Record<string, unknown>>): string[] {
  const list = Array.isArray(workspaces) ? workspaces : (workspaces as { packages?: unknown } | undefined)?.packages;
  return Array.isArray(list) ? list.filter((pattern) => typeof pattern === "string") : [];
}

/** Reads `packages` of a `pnpm-workspace.yaml`, which is a list of strings. */
async function pnpmPatterns(root: string): Promise<string[]> {
  const text = (await readOptionalText(join(root, "pnpm-workspace.yaml")).catch(() => undefined)) ?? "";
  const [, block = ""] = /^packages:[^\S\n]*(?:#[^\n]*)?\n((?:[^\S\n]*(?:-|#)[^\n]*\n?|[^\S\n]*\n)*)/m.exec(text) ?? [];
  const [, inline = ""] = /^packages:\s*\[([^\]]*)\]/m.exec(text) ?? [];
  const items = [...block.matchAll(/^\s*-\s*(.*)$/gm)].map(([, item = ""]) => item);
  return [...items, ...inline.split(",")]
    .map((item) =>
      item
        .trim()
        .replace(/^(["'])(.*?)\1.*$/, "$2")
        .replace(/\s+#.*$/, ""),
    )
    .filter((item) => item !== "");
}

/** Lists the folders with a `package.json` that patterns match; one with `!` excludes. */
async function expand(root: string, patterns: readonly string[]): Promise<string[]> {
  const clean = patterns.map((pattern) => pattern.replace(/^(!?)\.?\//, "$1").replace(/\/+$/, ""));
  const included = clean.filter((pattern) => !pattern.startsWith("!")).map(toRegExp);
  const excluded = clean.filter((pattern) => pattern.startsWith("!")).map((pattern) => toRegExp(pattern.slice(1)));
  const depth = Math.max(...clean.map((pattern) => (pattern.includes("**") ? MAX_DEPTH : pattern.split("/").length)));
  const found: string[] = [];
  const walk = async (folder: string, level: number): Promise<void> => {
    const children = await readdir(folder, { withFileTypes: true }).catch(() => []);
    const name = relative(root, folder);
    const isPackage = children.some((child) => child.name === "package.json");
    if (isPackage && included.some((each) => each.test(name)) && !excluded.some((each) => each.test(name)))
      found.push(folder);
    if (level === depth) return;
    for (const child of children)
      if (child.isDirectory() && !/^(?:node_modules|\..*)$/.test(child.name))
        await walk(join(folder, child.name), level + 1);
  };
  await walk(root, 0);
  return found;
}

const MAX_DEPTH = 8;

function toRegExp(pattern: string): RegExp {
  const parts = pattern.split("/").map((part) => {
    if (part === "**") return "(?:[^/]+/)*[^/]+";
    const escaped = part.replaceAll(/[.+^$()|[\]\\]/g, "\\$&");
    return escaped
      .replaceAll("*", "[^/]*")
      .replaceAll("?", "[^/]")
      .replaceAll(/\{([^}]*)\}/g, (_, list: string) => `(?:${list.replaceAll(",", "|")})`);
  });
  return new RegExp(`^${parts.join("/")}$`);
}
