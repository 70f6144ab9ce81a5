import {
  bundleDigestSchema,
  endpointName,
  endpointNameProblem,
  FaasError,
  hookNameSchema,
  keyIdParameter,
  LABEL,
  orgName,
  orgNameProblem,
  revisionReferenceSchema,
  scheduleName,
  secretName,
  secretNameProblem,
  tagSchema,
  validate,
} from "@faas/core";
import { z } from "zod";

interface PathParameter {
  readonly schema: z.ZodType;
  /** Throws when the value is invalid. */
  check(value: string): void;
}

/** Every parameter that paths of the control API have. */
const pathParameters: Readonly<Record<string, PathParameter>> = {
  org: { schema: orgName, check: nameCheck(orgNameProblem) },
  endpoint: { schema: endpointName, check: nameCheck(endpointNameProblem) },
  name: { schema: secretName.describe("Name of the secret"), check: nameCheck(secretNameProblem) },
  digest: {
    schema: bundleDigestSchema.describe("SHA-256 of the tar"),
    check: (digest) => void validate(bundleDigestSchema, digest, "the path"),
  },
  // Any other text is the id of no revision: REVISION_NOT_FOUND.
  revision: {
    schema: revisionReferenceSchema.meta({ description: "Id, or the beginning of it", pattern: "^[0-9a-f]{1,12}$" }),
    check() {},
  },
  tag: { schema: tagSchema, check: (tag) => void validate(tagSchema, tag, "the path") },
  // Any other text is the name of no webhook: HOOK_NOT_FOUND.
  hook: { schema: hookNameSchema.meta({ description: "Name of the webhook", pattern: LABEL.source }), check() {} },
  // Any other text is the id of no call: CALL_NOT_FOUND.
  call: {
    schema: z.string().meta({ description: "Id of an asynchronous call", pattern: "^[0-9A-HJKMNP-TV-Z]{26}$" }),
    check() {},
  },
  // Any other text is the name of no schedule: SCHEDULE_NOT_FOUND.
  schedule: { schema: scheduleName.describe("Name of the schedule"), check() {} },
  // Any other text is the id of no key: KEY_NOT_FOUND.
  key: { schema: keyIdParameter, check() {} },
};

/** Returns the schema of a path parameter. */
export function parameterSchema(name: string): z.ZodType {
  return parameter(name).schema;
}

/**
 * Checks the path parameters of a request.
 * @throws INVALID_NAME
 * @throws INVALID_REQUEST for a digest
 */
export function checkParameters(parameters: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(parameters)) parameter(name).check(value);
}

function parameter(name: string): PathParameter {
  const found = pathParameters[name];
  if (found === undefined) throw new TypeError(`The path parameter "${name}" has no schema`);
  return found;
}

function nameCheck(problemOf: (name: string) => string | undefined): (name: string) => void {
  return (name) => {
    const problem = problemOf(name);
    if (problem) throw new FaasError("INVALID_NAME", problem);
  };
}
