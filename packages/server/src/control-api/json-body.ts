import { FaasError, validate } from "@faas/core";
import type { Context } from "koa";
import type { z } from "zod";
import { readRawBody } from "./drain-body.ts";
import type { RequestBody } from "./route.ts";

const MAX_BYTES = 2 ** 20;

/** Defines a request body as JSON of a schema. */
export function jsonBody<Schema extends z.ZodType>(schema: Schema): RequestBody<z.output<Schema>> {
  return {
    mediaType: "application/json",
    schema,
    isRequired: true,
    read: async (context) => validate(schema, await readJson(context), "the request body"),
  };
}

/** Defines a request body as JSON of a schema, or absent. */
export function optionalJsonBody<Schema extends z.ZodType>(schema: Schema): RequestBody<z.output<Schema> | undefined> {
  const body = jsonBody(schema);
  return {
    ...body,
    isRequired: false,
    async read(context) {
      const isPresent = context.get("content-type") !== "" || (context.request.length ?? 0) > 0;
      return isPresent ? body.read(context) : undefined;
    },
  };
}

/**
 * Reads and parses a JSON body.
 * @throws UNSUPPORTED_MEDIA_TYPE
 * @throws BODY_TOO_LARGE
 * @throws MALFORMED_JSON
 */
export async function readJson(context: Context): Promise<unknown> {
  if (!context.is("json", "+json")) {
    const type = context.get("content-type");
    throw new FaasError(
      "UNSUPPORTED_MEDIA_TYPE",
      `Expected the header "Content-Type: application/json", got ${type ? `"${type}"` : "none"}`,
    );
  }
  return parse(await readRawBody(context, MAX_BYTES));
}

function parse(body: Buffer): unknown {
  try {
    // RFC 8259 section 8.1: UTF-8 only.
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (error) {
    throw new FaasError("MALFORMED_JSON", `The request body is not valid JSON: ${(error as Error).message}`);
  }
}
