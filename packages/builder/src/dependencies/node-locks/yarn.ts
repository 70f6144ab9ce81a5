import { resolve } from "node:path";
import { parse } from "yaml";
import {
  foreignAddress,
  type LockedModule,
  type LockInput,
  type ModuleGraph,
  type Needs,
  outOfDate,
  unsupported,
  versionsIn,
} from "./graph.ts";

interface Entry {
  readonly version: string;
  /** Yarn 1: address of the archive. */
  readonly resolved?: string;
  readonly integrity?: string;
  /** Newer versions: name and place of the package. */
  readonly resolution?: string;
  readonly conditions?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly dependenciesMeta?: Readonly<Record<string, { optional?: boolean }>>;
}

/**
 * Reads a yarn.lock, of Yarn 1 or newer.
 *
 * @throws MANIFEST_INVALID
 */
export function readYarnLock(input: LockInput): ModuleGraph {
  const { path, text, root, manifestOf } = input;
  const isClassic = !/^__metadata:/m.test(text);
  const entries = isClassic ? parseClassic(text) : (parse(text) as Record<string, Entry>);
  const byDescriptor = new Map(
    Object.entries(entries).flatMap(([keys, entry]) => keys.split(/,\s*/).map((key): [string, Entry] => [key, entry])),
  );
  const idOf = (name: string, range: string): string => {
    const bare = range.replace(/^npm:(?=[^@/]*$)/, "");
    const candidates = [`${name}@${range}`, `${name}@npm:${range}`, `${name}@${bare}`];
    const found = candidates.find((each) => byDescriptor.has(each)) ?? overridden(name, byDescriptor, manifestOf(root));
    if (found === undefined) throw outOfDate(path, `${name}@${range}`, "yarn install");
    return found;
  };
  const idsOf = (list: Readonly<Record<string, string>>) =>
    new Map(Object.entries(list).map(([name, range]) => [name, idOf(name, range)]));
  const needsOf = (folder: string): Needs => {
    const optional = versionsIn(manifestOf(folder), "optionalDependencies");
    const required = Object.entries(versionsIn(manifestOf(folder), "dependencies")).filter(
      // Yarn 1 has neither packages of the workspace nor folders in its lock file.
      ([name, range]) => !(name in optional) && !(isClassic && isLocal(name, range, byDescriptor)),
    );
    return { required: idsOf(Object.fromEntries(required)), optional: idsOf(optional) };
  };
  const find = (id: string): LockedModule | undefined => {
    const entry = byDescriptor.get(id);
    if (!entry) return undefined;
    const isOptional = (name: string) => entry.dependenciesMeta?.[name]?.optional === true;
    const all = Object.entries(entry.dependencies ?? {});
    const needs = {
      required: idsOf(Object.fromEntries(all.filter(([name]) => !isOptional(name)))),
      optional: idsOf({
        ...Object.fromEntries(all.filter(([name]) => isOptional(name))),
        ...entry.optionalDependencies,
      }),
    };
    if (entry.resolution === undefined) return { ...classicModule(id, entry), needs };
    const place = placeOf(entry.resolution, path);
    const folder = place.folder === undefined ? undefined : resolve(root, place.folder);
    return {
      id: entry.resolution,
      name: nameOf(entry.resolution),
      version: folder === undefined ? entry.version : String(manifestOf(folder).version ?? "0.0.0"),
      resolved: place.resolved,
      platforms: platformsOf(entry.conditions),
      folder,
      needs: place.isWorkspace && folder !== undefined ? needsOf(folder) : needs,
    };
  };
  return { needsOf, find };
}

/** Reads an entry of Yarn 1, whose descriptor has the name. */
function classicModule(descriptor: string, entry: Entry): Omit<LockedModule, "needs"> {
  const name = /^(@?[^@]+)@npm:(@?[^@]+)(?:@|$)/.exec(descriptor)?.[2] ?? nameOf(descriptor);
  const { version, integrity, resolved } = entry;
  return { id: `${name}@${version} ${resolved}`, name, version, resolved: classicAddress(entry), integrity };
}

const nameOf = (descriptor: string) => descriptor.slice(0, descriptor.indexOf("@", 1));

const isLocal = (name: string, range: string, entries: ReadonlyMap<string, unknown>) =>
  !entries.has(`${name}@${range}`) && (/^(?:file|link|workspace):|^\.{0,2}\//.test(range) || !hasName(name, entries));

const hasName = (name: string, entries: ReadonlyMap<string, unknown>) =>
  [...entries.keys()].some((key) => nameOf(key) === name);

const classicAddress = ({ resolved }: Entry): string | undefined => {
  const isGit = resolved !== undefined && /^git[+:@]|\.git#/.test(resolved);
  return isGit ? resolved.replace(/^(?=https?:|ssh:)/, "git+") : foreignAddress(resolved);
};

/** Finds the only entry of a package whose version the root's `resolutions` change. */
function overridden(
  name: string,
  entries: ReadonlyMap<string, Entry>,
  { resolutions = {} }: { readonly resolutions?: object },
): string | undefined {
  const pattern = new RegExp(`(?:^|/)${name.replaceAll(/[.*+?^$()[\]\\|]/g, "\\$&")}(?:@.*)?$`);
  if (!Object.keys(resolutions).some((key) => pattern.test(key))) return undefined;
  const found = [...entries].filter(([key]) => nameOf(key) === name);
  return new Set(found.map(([, entry]) => entry)).size === 1 ? found[0]?.[0] : undefined;
}

/** Reads the place of a package in a lock file of Yarn 2 or newer. */
function placeOf(resolution: string, path: string): { resolved?: string; folder?: string; isWorkspace?: boolean } {
  const place = resolution.slice(resolution.indexOf("@", 1) + 1);
  const [, protocol = "", rest = ""] = /^([a-z+]+):(.*)$/.exec(place) ?? [];
  if (protocol === "npm") {
    const archive = new URLSearchParams(rest.split("::")[1] ?? "").get("__archiveUrl");
    return archive === null ? {} : { resolved: archive };
  }
  // Patches of Yarn's own are for Plug'n'Play; the package itself is right.
  if (protocol === "patch" && /#(?:optional!)?(?:~?builtin<|~builtin)/.test(rest)) return {};
  if (protocol === "patch") throw unsupported(path, `the patch of ${nameOf(resolution)} is not supported`);
  if (protocol === "workspace") return { folder: rest, isWorkspace: true };
  if (["file", "link", "portal"].includes(protocol)) return { folder: rest.replace(/[#:].*$/, "") };
  const [url = "", fragment] = place.split("#");
  const commit = new URLSearchParams(fragment ?? "").get("commit");
  return { resolved: commit === null ? place : `${url.replace(/^(?:git\+)?/, "git+")}#${commit}` };
}

/** Reads a condition such as `os=linux & cpu=x64 & libc=glibc`. */
function platformsOf(conditions: string | undefined): LockedModule["platforms"] {
  if (conditions === undefined) return undefined;
  const values = (field: string) => {
    const found = [...conditions.matchAll(new RegExp(`\\b${field}=(!?[\\w-]+)`, "g"))].map(([, value = ""]) => value);
    return found.length > 0 ? found : undefined;
  };
  return { os: values("os"), cpu: values("cpu"), libc: values("libc") };
}

/** Parses the format of Yarn 1: blocks with indented fields, and lists that are indented further. */
function parseClassic(text: string): Record<string, Entry> {
  const entries: Record<string, Entry> = {};
  let entry: Record<string, unknown> = {};
  let list: Record<string, string> | undefined;
  for (const line of text.split(/\r?\n/)) {
    if (/^\s*(?:#|$)/.test(line)) continue;
    const [, indent = "", rest = ""] = /^( *)(.*)$/.exec(line) ?? [];
    const [key = "", value] = tokensOf(rest.replace(/:$/, ""));
    if (indent.length === 0) {
      entry = {};
      list = undefined;
      const keys = rest.replace(/:$/, "").split(/,\s*/);
      entries[keys.map((each) => each.replaceAll('"', "")).join(", ")] = entry as unknown as Entry;
    } else if (indent.length === 2) {
      list = value === undefined ? {} : undefined;
      entry[key] = value ?? list;
    } else if (list && value !== undefined) list[key] = value;
  }
  return entries;
}

const tokensOf = (text: string): string[] =>
  [...text.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? "");
