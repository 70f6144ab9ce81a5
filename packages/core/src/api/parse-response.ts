import type { z } from "zod";
import { FaasError } from "../errors.ts";
import type { Immutable } from "../immutable.ts";
import { validate } from "../validate.ts";

export type ResponseSchema = z.ZodType;

/**
 * Checks the body of a response from the control API. Returns it with all of its fields: servers of later versions may send more.
 * @param request method and path, for the message
 * @throws SERVER_INCOMPATIBLE
 */
export function parseResponse<Schema extends ResponseSchema>(
  schema: Schema,
  body: unknown,
  request: string,
): Immutable<z.output<Schema>> {
  try {
    validate(schema, body, `the response to ${request}`, "SERVER_INCOMPATIBLE");
  } catch (error) {
    if (!(error instanceof FaasError)) throw error;
    const hint = 'the server may have another version: "faas doctor" shows both';
    throw new FaasError(error.code, error.message, { extensions: { ...error.extensions, hint } });
  }
  return body as Immutable<z.output<Schema>>;
}
