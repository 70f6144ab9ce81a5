export { dockerFacts } from "./docker/engine.ts";
export type { ImageProgress } from "./docker/layer-progress.ts";
export { DEFAULT_BASE_IMAGES } from "./image/base-image.ts";
export { type BuiltImage, buildImage } from "./image/build-image.ts";
export type { ImageBuilder, ImageOptions, ImageStage } from "./image/image-options.ts";
export {
  buildServerImage,
  copyProgram,
  pullConfigOf,
  SERVER_REPOSITORY,
  type ServerImageOptions,
} from "./image/server-image.ts";
export type { CodeBundle } from "./image/warm/code-bundle.ts";
export { dockerConfigFor } from "./registry/credentials.ts";
export { imageLayers } from "./registry/image-layers.ts";
export { parseRegistry } from "./registry/image-reference.ts";
export { pingRegistry } from "./registry/ping.ts";
