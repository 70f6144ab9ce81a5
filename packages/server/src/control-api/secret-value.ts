import { FaasError, putSecretSchema, secretValueProblem } from "@faas/core";
import type { Context } from "koa";
import { readJson } from "./json-body.ts";
import type { RequestBody } from "./route.ts";

const EXPECTED = 'Expected the request body to be {"value": "…"}';

/** The value of a secret. Errors do not quote the body, as those of `jsonBody` do. */
export const secretValueBody: RequestBody<string> = {
  mediaType: "application/json",
  schema: putSecretSchema,
  isRequired: true,
  read: readSecretValue,
};

async function readSecretValue(context: Context): Promise<string> {
  const body = await readJson(context).catch((error) => {
    if (error instanceof FaasError && error.code === "MALFORMED_JSON")
      throw new FaasError("MALFORMED_JSON", `${EXPECTED}, got a body that is not JSON in UTF-8`);
    throw error;
  });
  if (typeof body !== "object" || body === null || Object.keys(body).join() !== "value")
    throw new FaasError("INVALID_REQUEST", `${EXPECTED} and nothing else`);
  const { value } = body as { readonly value: unknown };
  const problem = typeof value === "string" ? secretValueProblem(value) : "expected the value to be text";
  if (problem) throw new FaasError("INVALID_REQUEST", `In the value of the secret: ${problem}`);
  return value as string;
}
