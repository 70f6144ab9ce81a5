export { type EmbeddedOptions, EmbeddedPlatform } from "./embedded.ts";
export type { IsolationMode } from "./isolation.ts";
export { processStartedAt } from "./process-identity.ts";
