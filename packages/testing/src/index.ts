export * from "./certificates.ts";
export * from "./eventually.ts";
export * from "./faas-process.ts";
export * from "./fake-platform.ts";
export * from "./free-port.ts";
export * from "./http-client.ts";
export * from "./random.ts";
export * from "./temp-dir.ts";
