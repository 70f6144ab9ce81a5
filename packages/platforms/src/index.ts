export { type EmbeddedOptions, EmbeddedPlatform } from "./embedded.ts";
export { processStartedAt } from "./process-identity.ts";
