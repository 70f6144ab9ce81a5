import { z } from "zod";
import { type ErrorCode, errorCodes } from "../errors.ts";
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
