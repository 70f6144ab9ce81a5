import { join } from "node:path";

/** Folder of the repository. */
export const repository = join(import.meta.dirname, "../../..");

/** Folder of the repository's dependencies. */
export const dependencies = join(repository, "node_modules");
