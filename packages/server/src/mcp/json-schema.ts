import type { ErrorObject, ValidateFunction } from "ajv";
import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { bounded, isTooSlow } from "./bounded.ts";

/** JSON Schemas of tools. They come from organizations: neither reading one nor applying it may hold up the server. */

export type JsonSchema = Readonly<Record<string, unknown>>;

/** Time to compile a schema, which happens once. */
const COMPILE_MS = 2_000;
/** Time to validate a value. A schema that needs more several times is not applied again: a busy machine alone may cause one. */
const VALIDATE_MS = 100;
const SLOW_MAX = 3;
/** Problems that a message lists. */
const MAX_LISTED = 5;

/** Validates values against a schema. */
export type SchemaCheck = (value: unknown) => string | undefined;

/**
 * Compiles a schema. The function that it returns describes how a value does not match, such as "/city must be string"; undefined if it does.
 *
 * @throws an error whose message says why the schema is invalid
 */
export function compileSchema(schema: JsonSchema): SchemaCheck {
  const validate = compiled(schema);
  let slow = 0;
  return (value) => {
    if (slow >= SLOW_MAX) return undefined;
    try {
      const isValid = bounded(() => validate(value), VALIDATE_MS);
      return isValid ? undefined : listed(validate.errors ?? []);
    } catch (error) {
      // The function can still reject the value.
      if (isTooSlow(error)) slow += 1;
      else return `cannot be validated: ${(error as Error).message}`;
      return undefined;
    }
  };
}

/** Formats are annotations (JSON Schema 2020-12). */
const OPTIONS = {
  strict: false,
  allErrors: true,
  validateFormats: false,
  logger: false,
  addUsedSchema: false,
} as const;

/** Validators of schemas themselves, which take the longest to create. */
const dialects = { modern: new Ajv2020(OPTIONS), draft7: new Ajv(OPTIONS) };
for (const dialect of Object.values(dialects)) dialect.validateSchema({});

function compiled(schema: JsonSchema): ValidateFunction {
  const isDraft7 = /draft-07/.test(String(schema.$schema ?? ""));
  // An instance for each schema: identifiers of one organization's schemas are nothing to another's.
  const options = { ...OPTIONS, meta: false, validateSchema: false } as const;
  const ajv = isDraft7 ? new Ajv(options) : new Ajv2020(options);
  const dialect = isDraft7 ? dialects.draft7 : dialects.modern;
  try {
    return bounded(() => {
      dialect.validateSchema(schema, true);
      return ajv.compile(schema);
    }, COMPILE_MS);
  } catch (error) {
    throw isTooSlow(error) ? new Error("the schema takes too long to read", { cause: error }) : error;
  }
}

function listed(errors: readonly ErrorObject[]): string {
  const texts = [...new Set(errors.map(describe))];
  const more = texts.length - MAX_LISTED;
  return texts.slice(0, MAX_LISTED).join("; ") + (more > 0 ? `; and ${more} more` : "");
}

function describe({ instancePath, message = "is invalid", keyword, params }: ErrorObject): string {
  const where = instancePath === "" ? "the value" : instancePath;
  if (keyword === "additionalProperties") return `${where} must not have the property "${params.additionalProperty}"`;
  if (keyword === "enum") return `${where} must be one of ${JSON.stringify(params.allowedValues)}`;
  return `${where} ${message}`;
}
