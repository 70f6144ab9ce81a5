import { FaasError, secretValueProblem } from "@faas/core";
import type { Context } from "koa";
import { readJson } from "./json-body.ts";

const EXPECTED = 'Expected the request body to be {"value": "…"}';

/** The value in the body of a request. What is wrong with it is said without a part of it: the usual messages show what came. INVALID_REQUEST, MALFORMED_JSON. */
export async function readSecretValue(context: Context): Promise<string> {
  const body = await readJson(context).catch((error) => {
    if (error instanceof FaasError && error.code === "MALFORMED_JSON")
      throw new FaasError("MALFORMED_JSON", `${EXPECTED}, and it is no JSON in UTF-8`);
    throw error;
  });
  if (typeof body !== "object" || body === null || Object.keys(body).join() !== "value")
    throw new FaasError("INVALID_REQUEST", `${EXPECTED} and nothing else`);
  const { value } = body as { readonly value: unknown };
  const problem = typeof value === "string" ? secretValueProblem(value) : "expected the value to be text";
  if (problem) throw new FaasError("INVALID_REQUEST", `In the value of the secret: ${problem}`);
  return value as string;
}
