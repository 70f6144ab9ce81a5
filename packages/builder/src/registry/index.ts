export type { Environment } from "../docker/config.ts";
export { credentialsIn, type RegistryCredentials } from "./credentials.ts";
export { type ImageReference, tryParseImageReference } from "./image-reference.ts";
export { type ResolvedTag, resolveTag } from "./resolve-tag.ts";
