export * from "./certificates.ts";
export * from "./faas-process.ts";
export * from "./fake-platform.ts";
export * from "./random.ts";
