import { relative, resolve, sep } from "node:path";
import { FaasError, nearest, type Project } from "@faas/core";
import { checkFolder, type FoundProject, findProject } from "./project.ts";

/** Function of a `faas.json` with several. */
export interface NamedFunction {
  /** Name of the function and of its endpoint. */
  readonly name: string;
  /** Absolute path of its folder. */
  readonly folder: string;
  /** Fields of the function, merged with those that apply to all functions. */
  readonly project: Project;
}

/** Code that a command works on. */
export interface OpenedSource {
  /** Folder of the only function, or of the `faas.json` with several. */
  readonly source: string;
  readonly found: FoundProject | undefined;
  /** Selected functions, in the order of the file. Absent when `faas.json` is about one function, or missing. */
  readonly functions?: readonly NamedFunction[];
}

/**
 * Finds the folder and the functions for the arguments `[folder] [names…]`. The first argument may be the name of a function too. Without names, the
 * functions in the folder are selected, else the function that has the folder in its own, and all of them at the folder of `faas.json`.
 *
 * @throws CONFIG_INVALID
 * @throws SOURCE_UNREADABLE when a folder is missing or a file
 * @throws USAGE when the arguments select nothing
 */
export async function openFunctions(
  first: string | undefined,
  names: readonly string[],
  cwd: string,
): Promise<OpenedSource> {
  const here = await findProject(cwd);
  if (first !== undefined && here?.project.functions && Object.hasOwn(here.project.functions, first))
    return withFunctions(here, selectByName(here, [first, ...names]));
  const from = resolve(cwd, first ?? ".");
  if (first !== undefined)
    await checkFolder(from, first).catch((error) => {
      throw here?.project.functions ? unknownFunction(first, here) : error;
    });
  const found = await findProject(from);
  if (found?.project.functions)
    return withFunctions(found, names.length > 0 ? selectByName(found, names) : selectByFolder(found, from, first));
  const [name] = names;
  if (name !== undefined)
    throw new FaasError(
      "USAGE",
      `Expected one folder, got "${name}" too. Names of functions need "functions" in a faas.json`,
    );
  return { source: first === undefined ? (found?.folder ?? from) : from, found };
}

async function withFunctions(found: FoundProject, functions: readonly NamedFunction[]): Promise<OpenedSource> {
  for (const { folder } of functions) await checkFolder(folder, relative(found.folder, folder));
  return { source: found.folder, found, functions };
}

/** Returns all functions of a `faas.json`; none when it is about one function. */
export function functionsOf({ folder, project: { functions = {}, $schema: _, ...shared } }: FoundProject) {
  return Object.entries(functions).map(([name, { folder: own = name, ...fields }]): NamedFunction => {
    const { env, secrets } = mergedVariables(shared, fields);
    const project = {
      ...{ ...shared, ...fields, endpoint: name },
      ...(env === undefined ? {} : { env }),
      ...(secrets === undefined ? {} : { secrets }),
    };
    return { name, folder: resolve(folder, own), project };
  });
}

type Variables = Pick<Project, "env" | "secrets">;

/** Merges variables and secrets one by one: a function may set a shared variable to something else, or make it a secret. */
function mergedVariables(shared: Variables, own: Variables): Variables {
  return {
    ...(shared.env || own.env ? { env: { ...without(shared.env, own.secrets), ...own.env } } : {}),
    ...(shared.secrets || own.secrets ? { secrets: { ...without(shared.secrets, own.env), ...own.secrets } } : {}),
  };
}

const without = (variables: Record<string, string> = {}, replaced: Record<string, string> = {}) =>
  Object.fromEntries(Object.entries(variables).filter(([name]) => !Object.hasOwn(replaced, name)));

function selectByName(found: FoundProject, names: readonly string[]): NamedFunction[] {
  const all = functionsOf(found);
  for (const name of names) if (!all.some((each) => each.name === name)) throw unknownFunction(name, found);
  return all.filter(({ name }) => names.includes(name));
}

function selectByFolder(found: FoundProject, from: string, given: string | undefined): NamedFunction[] {
  const all = functionsOf(found);
  if (from === found.folder) return all;
  const inside = all.filter(({ folder }) => contains(from, folder));
  if (inside.length > 0) return inside;
  const outside = all.filter(({ folder }) => contains(folder, from));
  const deepest = Math.max(...outside.map(({ folder }) => folder.length));
  if (outside.length > 0) return outside.filter(({ folder }) => folder.length === deepest);
  if (given === undefined) return all;
  throw unknownFunction(given, found);
}

function contains(folder: string, path: string): boolean {
  const [step] = relative(folder, path).split(sep);
  return step !== "..";
}

function unknownFunction(given: string, { path, project: { functions = {} } }: FoundProject): FaasError {
  const names = Object.keys(functions);
  const suggestion = nearest(given, names);
  return new FaasError(
    "USAGE",
    `Expected a function of ${path}, ${names.join(", ")}, or a folder of one, got "${given}"`,
    {
      ...(suggestion === undefined ? {} : { extensions: { suggestion } }),
    },
  );
}
