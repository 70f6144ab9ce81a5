import { lazy } from "../lazy/load.ts";
import { signatureSetting } from "../options.ts";

/** Prepares what code for another platform finds when it is loaded. The global object of AWS Lambda is made when it is first used. */
export function prepareSignature(): void {
  if (signatureSetting === "lambda") lazy().prepareSignature();
  else if (signatureSetting === undefined) {
    Object.defineProperty(globalThis, "awslambda", {
      configurable: true,
      get() {
        lazy().prepareSignature();
        return (globalThis as { awslambda?: unknown }).awslambda;
      },
    });
  }
}
