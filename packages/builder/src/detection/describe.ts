import type { Signature } from "@faas/core";

const PLATFORMS: Readonly<Record<Signature, string>> = {
  faas: "Function",
  lambda: "AWS Lambda function",
  gcf: "Google Cloud function",
  cloudevents: "CloudEvents function",
  openfaas: "OpenFaaS function",
  knative: "Knative function",
};

/** Describes a function with its file, for people. */
export const describeFunction = (signature: Signature, file: string): string => `${PLATFORMS[signature]}, ${file}`;
