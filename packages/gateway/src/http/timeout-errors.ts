import { FaasError } from "@faas/core";

/** Builds the error for a client that does not send the head of its request. */
export const headTimeout = (headMs: number) =>
  new FaasError("REQUEST_TIMEOUT", `Expected a complete header within ${headMs / 1000} s`);

/** Builds the error for a client that stops to send the body of its request. */
export const bodyTimeout = (bodyMs: number) =>
  new FaasError("REQUEST_TIMEOUT", `Expected the rest of the request's body, got nothing for ${bodyMs / 1000} s`);
