export { type Bundle, build } from "./build.ts";
export { ignoredIn } from "./ignored.ts";
export type { BuildOptions, Stage } from "./prepare.ts";
export { type PreparedFolder, prepareFolder } from "./prepare-folder.ts";
