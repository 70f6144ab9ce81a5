import { writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import type { Language } from "@faas/core";
import { copyLocalPackages } from "./local-packages.ts";
import { readNodeManifests } from "./node.ts";
import { readRequirements } from "./python.ts";

/** What an image's dependencies are installed from: manifests, and packages of the disk that they name. */
export interface DependencyContext {
  /** The same words install the same. */
  readonly words: readonly string[];
  /** Copies it into an empty folder; gives the place of the manifests in it, relative to that. */
  copyTo(folder: string): Promise<string>;
}

/** The dependencies that a function's manifest names; undefined when it names none. */
export async function dependencyContext(
  runtime: Language,
  folder: string,
  warn: (warning: string) => void,
): Promise<DependencyContext | undefined> {
  return CONTEXTS[runtime](folder, warn);
}

const CONTEXTS = { node: ofNode, typescript: ofNode, python: ofPython } satisfies Record<Language, typeof ofNode>;

async function ofNode(folder: string, warn: (warning: string) => void): Promise<DependencyContext | undefined> {
  const manifests = await readNodeManifests(folder, warn);
  if (!manifests) return undefined;
  return {
    words: manifests.words,
    async copyTo(target) {
      const place = await copyLocalPackages(manifests.local, target);
      for (const [name, text] of manifests.files) await writeFile(join(place, name), text);
      return relative(target, place) || ".";
    },
  };
}

async function ofPython(folder: string, warn: (warning: string) => void): Promise<DependencyContext | undefined> {
  const requirements = await readRequirements(folder, warn);
  if (!requirements) return undefined;
  const { path, words, paths } = requirements;
  return {
    words,
    async copyTo(target) {
      const place = await copyLocalPackages({ folder, paths, digest: "" }, target);
      if (path === undefined) await writeFile(join(place, "requirements.txt"), words.join("\n"));
      return relative(target, place) || ".";
    },
  };
}
