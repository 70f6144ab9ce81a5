import { writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import type { Language } from "@faas/core";
import { copyLocalPackages } from "./local-packages.ts";
import { readNodeManifests } from "./node.ts";
import { readRequirements } from "./python/project.ts";
import { copyRequirements } from "./python/requirements.ts";

/** Input of the installation of an image's dependencies: manifests, and the local packages that they name. */
export interface DependencyContext {
  /** Inputs of the installation: equal parts install equal dependencies. */
  readonly keyParts: readonly string[];
  /** Copies the input into an empty folder and returns the folder of the manifests, relative to it. */
  copyTo(folder: string): Promise<string>;
}

/** Reads the dependencies in a function's manifest; undefined when there are none. */
export async function dependencyContext(runtime: Language, folder: string): Promise<DependencyContext | undefined> {
  return CONTEXTS[runtime](folder);
}

const CONTEXTS = {
  node: nodeContext,
  typescript: nodeContext,
  python: pythonContext,
} satisfies Record<Language, typeof nodeContext>;

async function nodeContext(folder: string): Promise<DependencyContext | undefined> {
  const manifests = await readNodeManifests(folder);
  if (!manifests) return undefined;
  return {
    keyParts: manifests.keyParts,
    async copyTo(target) {
      const copied = await copyLocalPackages(manifests.local, target);
      for (const [name, text] of manifests.files) await writeFile(join(copied, name), text);
      return relative(target, copied) || ".";
    },
  };
}

async function pythonContext(folder: string): Promise<DependencyContext | undefined> {
  const requirements = await readRequirements(folder);
  if (!requirements) return undefined;
  return {
    keyParts: requirements.keyParts,
    copyTo: async (target) => relative(target, await copyRequirements(requirements, target)) || ".",
  };
}
