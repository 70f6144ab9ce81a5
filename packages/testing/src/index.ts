export * from "./certificates.ts";
export * from "./eventually.ts";
export * from "./faas-process.ts";
export * from "./fake-platform.ts";
export * from "./random.ts";
export * from "./running-command.ts";
export * from "./temp-dir.ts";
