export * from "./hand-over-policy.ts";
export * from "./labels.ts";
