export { type Bundle, build } from "./bundle/build.ts";
export type { BuildOptions, Stage } from "./bundle/prepare.ts";
export { type PreparedFolder, prepareFolder } from "./bundle/prepare-folder.ts";
export { type DetectedSettings, settingsOf } from "./detection/detected-app.ts";
export { dockerFacts } from "./docker/engine.ts";
export type { ImageProgress } from "./docker/layer-progress.ts";
export { DEFAULT_BASE_IMAGES } from "./image/base-image.ts";
export { type BuiltImage, buildImage } from "./image/build-image.ts";
export type { ImageOptions, ImageStage } from "./image/image-options.ts";
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
export { createIgnoreFilter } from "./source/ignored.ts";
