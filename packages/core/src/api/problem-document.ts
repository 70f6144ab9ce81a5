import { errorCodes, FaasError } from "../errors.ts";
import type { Problem } from "./problem.ts";

export const PROBLEM_MEDIA_TYPE = "application/problem+json";

/** Converts an error to a problem document. Errors other than FaasError are bugs; the client gets none of their details. */
export function toProblem(error: unknown, requestId?: string): Problem {
  const known =
    error instanceof FaasError ? error : new FaasError("INTERNAL", "Internal error: see the server's log for details");
  return {
    type: `urn:faas:error:${known.code}`,
    title: errorCodes[known.code][1],
    status: known.status,
    detail: known.message,
    code: known.code,
    ...(requestId === undefined ? {} : { requestId }),
    ...known.extensions,
  };
}
