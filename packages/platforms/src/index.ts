export { type EmbeddedOptions, EmbeddedPlatform } from "./embedded/platform.ts";
export { processStartedAt } from "./embedded/process-start-time.ts";
export type { IsolationMode } from "./embedded/sandbox/sandbox.ts";
