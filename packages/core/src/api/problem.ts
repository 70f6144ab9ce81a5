import { z } from "zod";
import { type ErrorCode, errorCodes, FaasError } from "../errors.ts";
import type { Immutable } from "../immutable.ts";

export const errorCodeSchema = z.enum(Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]]);

/** Schema of a problem document (RFC 9457), media type `application/problem+json`. Some codes have fields of their own, such as `suggestion`. */
export const problemSchema = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: errorCodeSchema,
    requestId: z.string().optional(),
  })
  .meta({ id: "Problem", description: "RFC 9457" });
export type Problem = Immutable<z.infer<typeof problemSchema>>;

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
