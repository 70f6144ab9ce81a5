import { FaasError } from "@faas/core";

/** Context attributes of a CloudEvent by name, as the strings of their types (CloudEvents 1.0, "Type System"). */
export type Attributes = ReadonlyMap<string, string>;

/** A value that breaks the specification, without the place of the event in its message. */
export const invalidEvent = (problem: string, extensions: Readonly<Record<string, unknown>> = {}) =>
  new FaasError("CLOUDEVENT_INVALID", problem, { extensions });

const REQUIRED = ["specversion", "id", "source", "type"] as const;

/** Characters that no string has: control characters, unpaired surrogates and noncharacters. */
const FORBIDDEN = /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u;
/** RFC 3986: characters of a URI reference; percent signs with two digits. */
const URI_REFERENCE = /^(?:[\w\-.~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+$/;
/** RFC 3986: a scheme in front. */
const ABSOLUTE = /^[A-Za-z][A-Za-z0-9+.-]*:/;
/** RFC 2046 and RFC 9110 section 8.3.1. */
const MEDIA_TYPE = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+[ \t]*(?:;.*)?$/;
/** RFC 3339 section 5.6. */
const TIMESTAMP =
  /^(\d{4})-(\d\d)-(\d\d)[Tt](?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

const CHECKS: Readonly<Record<string, readonly [expected: string, isValid: (value: string) => boolean]>> = {
  specversion: ['"1.0"', (value) => value === "1.0"],
  id: ["text that is not empty", (value) => value !== ""],
  source: ["a URI reference", (value) => URI_REFERENCE.test(value)],
  type: ["text that is not empty", (value) => value !== ""],
  subject: ["text that is not empty", (value) => value !== ""],
  datacontenttype: ["a media type, such as application/json", (value) => MEDIA_TYPE.test(value)],
  dataschema: ["an absolute URI", (value) => ABSOLUTE.test(value) && URI_REFERENCE.test(value)],
  time: ["a time such as 2026-11-30T12:00:00Z (RFC 3339)", isTimestamp],
};

/** Names of the attributes that the specification defines. */
const DEFINED: ReadonlySet<string> = new Set(Object.keys(CHECKS));
/** True for an attribute that the specification defines: its value is text. */
export const isDefinedAttribute = (name: string): boolean => DEFINED.has(name);

/**
 * Checks the name of an attribute.
 *
 * @throws CLOUDEVENT_INVALID
 */
export function checkName(name: string): void {
  if (/^[a-z0-9]+$/.test(name) && name !== "data") return;
  throw invalidEvent(`expected names of attributes to be lower-case letters and digits, got "${name}"`);
}

/**
 * Checks that the required attributes are there, and all values.
 *
 * @throws CLOUDEVENT_INVALID
 */
export function checkAttributes(attributes: Attributes): void {
  const missing = REQUIRED.filter((name) => !attributes.has(name));
  if (missing.length > 0) throw invalidEvent(`expected the attribute "${missing[0]}", but it is missing`);
  for (const [name, value] of attributes) {
    if (FORBIDDEN.test(value))
      throw invalidEvent(`expected "${name}" to have no control characters and to be valid Unicode`);
    const [expected, isValid] = (DEFINED.has(name) ? CHECKS[name] : undefined) ?? ["", () => true];
    if (!isValid(value)) throw invalidEvent(`expected "${name}" to be ${expected}, got "${shortened(value)}"`);
  }
}

function isTimestamp(text: string): boolean {
  const [, year, month, day] = TIMESTAMP.exec(text) ?? [];
  if (year === undefined) return false;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  return date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
}

const MAX_SHOWN = 100;
const shortened = (value: string) => (value.length > MAX_SHOWN ? `${value.slice(0, MAX_SHOWN)}…` : value);
