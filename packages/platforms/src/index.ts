export { type EmbeddedOptions, EmbeddedPlatform } from "./embedded.ts";
export { processStartedAt } from "./process-identity.ts";
export type { IsolationMode } from "./isolation.ts";
