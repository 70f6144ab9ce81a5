import { type ErrorCode, FaasError } from "@faas/core";

/** Codes of errors that pass when the server is back. */
const TEMPORARY: ReadonlySet<ErrorCode> = new Set([
  "ANSWER_INCOMPLETE",
  "CONTROL_SERVER_AWAY",
  "SERVER_STOPPING",
  "SERVER_UNREACHABLE",
]);

/** Returns true for an error of a server that is down: the same request may succeed later. */
export const isTemporary = (error: unknown): error is FaasError =>
  error instanceof FaasError && TEMPORARY.has(error.code);
