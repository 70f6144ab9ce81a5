import type { Signature } from "@faas/core";
import { isTypeScript } from "../../typescript/file-names.ts";
import { describeFunction } from "../describe.ts";
import type { DetectedApp } from "../detected-app.ts";
import { type EntryFile, handlerOf } from "./entries.ts";

/** Describes a function with a signature of another platform. */
export function withSignature({ name, output }: EntryFile, signature: Signature, exported: string): DetectedApp {
  const handler = handlerOf(name, exported);
  return {
    runtime: isTypeScript(name) ? "typescript" : "node",
    signature,
    handler,
    entry: name,
    ...(output === undefined ? {} : { output }),
    description: describeFunction(signature, name),
  };
}
