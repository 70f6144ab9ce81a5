import { z } from "zod";

/** Secrets of an organization: write-only values that functions receive in environment variables. */

/** Maximum length of a secret's name. */
export const SECRET_NAME_MAX = 128;
/** Maximum size of a value in UTF-8. A string of an environment may have 128 KiB (execve(2)). */
export const SECRET_VALUE_MAX = 64 * 2 ** 10;

/** Maximum number of secrets of an organization: each change stores the list of all. */
export const SECRETS_MAX = 200;

/** Pattern of an environment variable's name. */
export const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Pattern of text without NUL, which no environment can hold. */
export const WITHOUT_NUL = String.raw`^[^\x00]*$`;

/** Version of a secret; each new value is a version. */
export interface SecretVersion {
  readonly name: string;
  /** Random and unique, independent of the value. */
  readonly version: string;
}

/** Returns the problem with the name of a secret; undefined for a valid name. Does not quote the name: it may be a value by mistake. */
export function secretNameProblem(name: string): string | undefined {
  if (name.length > SECRET_NAME_MAX)
    return `expected the name of a secret to have at most ${SECRET_NAME_MAX} characters, got ${name.length}`;
  if (VARIABLE.test(name) && name !== "__proto__") return undefined;
  return "expected the name of a secret to be letters, digits and underscores, and not to begin with a digit";
}

/** Returns the problem with a value, without quoting it; undefined for a valid value. */
export function secretValueProblem(value: string): string | undefined {
  if (value === "") return "expected a value, but it is empty";
  if (value.includes("\0")) return "expected the value to have no NUL characters: an environment cannot contain them";
  if (!value.isWellFormed()) return "expected the value to be valid Unicode";
  const bytes = new TextEncoder().encode(value).length;
  return bytes > SECRET_VALUE_MAX ? `expected at most ${SECRET_VALUE_MAX} bytes, got ${bytes}` : undefined;
}

/** Schema of a secret's name. */
export const secretName = z
  .string()
  .superRefine((name, context) => {
    const message = secretNameProblem(name);
    if (message) context.addIssue({ code: "custom", message });
  })
  .meta({ pattern: VARIABLE.source, maxLength: SECRET_NAME_MAX, not: { const: "__proto__" } });

/** `PUT /-/orgs/<org>/secrets/<name>`: for the OpenAPI document; a body is looked at by hand, so that no message has a part of it. */
export const putSecretSchema = z
  .strictObject({
    value: z
      .string()
      .min(1)
      .max(SECRET_VALUE_MAX)
      .meta({ description: "The value: text of at most 64 KiB in UTF-8", pattern: WITHOUT_NUL }),
  })
  .meta({ id: "PutSecret" });
