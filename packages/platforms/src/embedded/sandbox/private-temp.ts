import { existsSync } from "node:fs";
import type { AllowedPaths, Mount } from "./landlock.ts";

/** Folders that programs write to by default. */
export const TEMPORARY_FOLDERS = ["/tmp", "/var/tmp"];

/** Names of the folders, in the folder of a process, that it sees as TEMPORARY_FOLDERS. */
const NAMES = ["tmp", "var-tmp"];

/** Returns the mounts that show folders in the folder of a process to it as /tmp and /var/tmp. */
export function temporaryMounts(folder: string): readonly Mount[] {
  return TEMPORARY_FOLDERS.flatMap((target, index): Mount[] =>
    existsSync(target) ? [["rw", `${folder}/${NAMES[index]}`, target]] : [],
  );
}

/**
 * Returns the mounts that keep allowed paths in /tmp and /var/tmp visible. A rule of Landlock for /tmp applies to everything mounted below it, so only the
 * mounts protect these paths: nothing else is visible there, and what may only be read is mounted read-only.
 */
export function visibleMounts({ read, write }: AllowedPaths): readonly Mount[] {
  const writable = new Set(write);
  const mounted: string[] = [];
  // A folder comes before its contents.
  return [...new Set([...read, ...write])]
    .filter(isTemporary)
    .toSorted()
    .flatMap((path): Mount[] => {
      const access = writable.has(path) ? "rw" : "ro";
      const isMounted = mounted.some(
        (folder) => path.startsWith(`${folder}/`) && (access === "ro" || writable.has(folder)),
      );
      if (isMounted) return [];
      mounted.push(path);
      return [[access, path, path]];
    });
}

/** Returns true for a path in a folder for temporary files. */
const isTemporary = (path: string) => TEMPORARY_FOLDERS.some((folder) => path.startsWith(`${folder}/`));
