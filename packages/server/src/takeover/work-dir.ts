import type { ServerOptions } from "../options.ts";

/** Folders, within the data folder, for the files of a server's processes. A server that takes over uses the other one than its predecessor. */
const WORK_DIRS = [".", "successor"] as const;

/** Returns the folder for the files of a server's processes, relative to the data folder. */
export const workDirOf = ({ predecessor }: Pick<ServerOptions, "predecessor">): string =>
  WORK_DIRS.find((folder) => folder !== predecessor?.workDir) as string;

/** Returns the folder that a server does not use. */
export const otherWorkDir = (workDir: string): string => WORK_DIRS.find((folder) => folder !== workDir) as string;
