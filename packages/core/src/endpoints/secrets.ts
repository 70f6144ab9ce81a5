import { z } from "zod";

/** Secrets of an organization: values that a function finds in variables of its environment, and that nobody is shown again. */

/** Characters of a secret's name. */
export const SECRET_NAME_MAX = 128;
/** Bytes of a value in UTF-8: one string of an environment may have 128 KiB (execve(2)). */
export const SECRET_VALUE_MAX = 64 * 2 ** 10;

/** Secrets of an organization: each change writes down which there are. */
export const SECRETS_MAX = 200;

/** A variable's name in an environment. */
export const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Pattern of text without NUL, which no environment can hold. */
export const WITHOUT_NUL = String.raw`^[^\x00]*$`;

/** A secret with the value that it was given at one time. */
export interface SecretVersion {
  readonly name: string;
  /** Random: it says nothing of the value, and never comes again. */
  readonly version: string;
}

/** What is wrong with the name of a secret; undefined when nothing is. Does not repeat it: somebody may have put a value where a name belongs. */
export function secretNameProblem(name: string): string | undefined {
  if (name.length > SECRET_NAME_MAX)
    return `expected the name of a secret to have at most ${SECRET_NAME_MAX} characters, got ${name.length}`;
  if (VARIABLE.test(name) && name !== "__proto__") return undefined;
  return "expected the name of a secret to be letters, digits and underscores, and not to begin with a digit";
}

/** What is wrong with a value, without a part of it; undefined when nothing is. */
export function secretValueProblem(value: string): string | undefined {
  if (value === "") return "expected a value, and it is empty";
  if (value.includes("\0")) return "a value has to be text without NUL characters: no environment can hold one";
  if (!value.isWellFormed()) return "a value has to be text that is valid Unicode";
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
