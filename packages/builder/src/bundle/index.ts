// An entry point of its own: the client of the Docker engine takes longer to load than a small bundle to build.

export { dependenciesFolder } from "../dependencies/cache.ts";
export { type DetectedSettings, settingsOf } from "../detection/detected-app.ts";
export { createIgnoreFilter } from "../source/ignored.ts";
export { type Bundle, build } from "./build.ts";
export { detectSettings } from "./detect-settings.ts";
export type { BuildOptions, Stage } from "./prepare.ts";
export { type PreparedFolder, prepareFolder } from "./prepare-folder.ts";
