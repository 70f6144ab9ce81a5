export { DEFAULT_BASE_IMAGES } from "./base-image.ts";
export { type Bundle, build } from "./build.ts";
export { dockerFacts } from "./docker-engine.ts";
export { ignoredIn } from "./ignored.ts";
export { type BuiltImage, buildImage, type ImageOptions, type ImageStage } from "./image.ts";
export { parseRegistry } from "./image-reference.ts";
export type { ImageProgress } from "./layer-progress.ts";
export type { BuildOptions, Stage } from "./prepare.ts";
export { type PreparedFolder, prepareFolder } from "./prepare-folder.ts";
export { dockerConfigFor } from "./registry-credentials.ts";
export { pingRegistry } from "./registry-ping.ts";
export {
  buildServerImage,
  bundleProgram,
  pullConfigOf,
  SERVER_REPOSITORY,
  type ServerImageOptions,
} from "./server-image.ts";
