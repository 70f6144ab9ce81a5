export { type Bundle, build } from "./bundle/build.ts";
export type { BuildOptions, Stage } from "./bundle/prepare.ts";
export { type PreparedFolder, prepareFolder } from "./bundle/prepare-folder.ts";
export { dockerFacts } from "./docker/engine.ts";
export type { ImageProgress } from "./docker/layer-progress.ts";
export { DEFAULT_BASE_IMAGES } from "./image/base-image.ts";
export { type BuiltImage, buildImage, type ImageOptions, type ImageStage } from "./image/image.ts";
export {
  buildServerImage,
  bundleProgram,
  pullConfigOf,
  SERVER_REPOSITORY,
  type ServerImageOptions,
} from "./image/server-image.ts";
export { dockerConfigFor } from "./registry/credentials.ts";
export { parseRegistry } from "./registry/image-reference.ts";
export { pingRegistry } from "./registry/ping.ts";
export { ignoredIn } from "./source/ignored.ts";
