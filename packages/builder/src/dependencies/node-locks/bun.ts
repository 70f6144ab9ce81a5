import { relative, resolve } from "node:path";
import { parse } from "yaml";
import {
  foreignAddress,
  type LockedModule,
  type LockInput,
  type ModuleGraph,
  type Needs,
  outOfDate,
  unsupported,
  type Versions,
  versionsIn,
} from "./graph.ts";

interface Info {
  readonly dependencies?: Versions;
  readonly optionalDependencies?: Versions;
  readonly os?: string | readonly string[];
  readonly cpu?: string | readonly string[];
  readonly libc?: string | readonly string[];
}

interface BunLock {
  readonly workspaces?: Readonly<Record<string, Info & { readonly name?: string }>>;
  readonly packages?: Readonly<Record<string, readonly unknown[]>>;
  readonly patchedDependencies?: object;
}

/**
 * Reads a bun.lock.
 *
 * @throws MANIFEST_INVALID
 */
export function readBunLock({ path, text, root, folder, manifestOf }: LockInput): ModuleGraph {
  // JSON with commas before closing brackets, as YAML allows them.
  const { workspaces = {}, packages = {}, patchedDependencies } = parse(text) as BunLock;
  if (patchedDependencies) throw unsupported(path, "patched dependencies are not supported");
  /** Finds a dependency as Node does, from the inside out. */
  const idOf = (from: string, name: string): string => {
    for (let outer = from; outer !== ""; outer = parentOf(outer))
      if (packages[`${outer}/${name}`]) return `${outer}/${name}`;
    return name;
  };
  const needs = (info: Info, from: string): Needs => {
    const ids = (list: Versions = {}) => new Map(Object.keys(list).map((name) => [name, idOf(from, name)]));
    return { required: ids(info.dependencies), optional: ids(info.optionalDependencies) };
  };
  const needsOf = (of: string): Needs => {
    const workspace = workspaces[relative(root, of)];
    if (!workspace) throw outOfDate(path, of, "bun install");
    if (of === folder) checkRanges(path, manifestOf(of), workspace);
    return needs(workspace, workspace.name ?? "");
  };
  const find = (id: string): LockedModule | undefined => {
    const entry = packages[id];
    const description = String(entry?.[0] ?? "");
    const at = description.indexOf("@", 1);
    if (!entry || at < 0) return undefined;
    const name = description.slice(0, at);
    const place = description.slice(at + 1);
    const info = (entry.find((each) => typeof each === "object" && each !== null) ?? {}) as Info;
    const integrity = entry.find((each): each is string => typeof each === "string" && /^sha\d+-/.test(each));
    const [, local] = /^(?:workspace|file|link):(.*)$/.exec(place) ?? [];
    if (local !== undefined) {
      const at = resolve(root, local);
      const version = String(manifestOf(at).version ?? "0.0.0");
      const own = workspaces[relative(root, at)] ?? info;
      return { id, name, version, folder: at, needs: needs(own, id) };
    }
    const isRegistry = /^\d/.test(place);
    const registry = typeof entry[1] === "string" ? entry[1] : "";
    const archive = isRegistry && registry.endsWith(".tgz") ? foreignAddress(registry) : undefined;
    return {
      id,
      name,
      version: isRegistry ? place : "0.0.0",
      resolved: isRegistry ? archive : place.replace(/^github:/, "git+https://github.com/"),
      integrity,
      platforms: { os: listOf(info.os), cpu: listOf(info.cpu), libc: listOf(info.libc) },
      needs: needs(info, id),
    };
  };
  return { needsOf, find };
}

const listOf = (value: string | readonly string[] | undefined): readonly string[] | undefined =>
  typeof value === "string" ? [value] : value;

/** Removes the last name, which may have a scope. */
const parentOf = (id: string) => id.replace(/\/?(?:@[^/]+\/)?[^/]+$/, "");

function checkRanges(path: string, manifest: Readonly<Record<string, unknown>>, locked: Info): void {
  const own = { ...locked.dependencies, ...locked.optionalDependencies };
  const wanted = { ...versionsIn(manifest, "dependencies"), ...versionsIn(manifest, "optionalDependencies") };
  for (const [name, range] of Object.entries(wanted))
    if (own[name] !== range) throw outOfDate(path, `${name}@${range}`, "bun install");
}
