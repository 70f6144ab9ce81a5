import { FaasError } from "@faas/core";
import { type Attributes, checkAttributes, checkName, invalidEvent, isDefinedAttribute } from "./attributes.ts";

/** Range of the type Integer. */
const MAX_INTEGER = 2 ** 31 - 1;
const MIN_INTEGER = -(2 ** 31);
/** RFC 4648 section 4, with padding. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * Parses the JSON of a message.
 *
 * @throws MALFORMED_JSON
 */
export function parseJson(body: Buffer): { readonly text: string; readonly value: unknown } {
  try {
    // RFC 8259 section 8.1: UTF-8, without a byte order mark.
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
    return { text, value: JSON.parse(text) };
  } catch (error) {
    throw new FaasError("MALFORMED_JSON", `The request body is not valid JSON: ${(error as Error).message}`);
  }
}

/**
 * Reads the attributes of an event in the JSON event format.
 *
 * @throws CLOUDEVENT_INVALID
 */
export function jsonAttributes(value: unknown): Attributes {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalidEvent("expected a JSON object with the attributes of the event");
  const { data, data_base64: encoded, ...members } = value as Readonly<Record<string, unknown>>;
  if (encoded !== undefined && encoded !== null) {
    if (data !== undefined) throw invalidEvent('expected "data" or "data_base64", got both');
    if (typeof encoded !== "string" || !BASE64.test(encoded))
      throw invalidEvent('expected "data_base64" to be text in Base64');
  }
  const attributes = new Map<string, string>();
  for (const [name, member] of Object.entries(members)) {
    checkName(name);
    // An attribute with the value null is absent.
    if (member !== null) attributes.set(name, attributeText(name, member));
  }
  checkAttributes(attributes);
  return attributes;
}

function attributeText(name: string, value: unknown): string {
  if (typeof value === "string") return value;
  if (isDefinedAttribute(name)) throw invalidEvent(`expected "${name}" to be text, got ${typeOf(value)}`);
  if (typeof value === "boolean") return String(value);
  if (typeof value !== "number")
    throw invalidEvent(`expected "${name}" to be text, an integer or a boolean, got ${typeOf(value)}`);
  if (!Number.isInteger(value) || value > MAX_INTEGER || value < MIN_INTEGER)
    throw invalidEvent(`expected "${name}" to be an integer with 32 bits, got ${value}`);
  return String(value);
}

const typeOf = (value: unknown) =>
  Array.isArray(value) ? "a list" : typeof value === "object" ? "an object" : `a ${typeof value}`;

/** Splits the text of a JSON array into the texts of its elements, as they are. @param text valid JSON */
export function elementTexts(text: string): string[] {
  const elements: string[] = [];
  let depth = 0;
  let start = -1;
  for (let i = 0; i < text.length; i++) {
    const character = text[i] as string;
    if (character === '"') {
      for (i++; i < text.length && text[i] !== '"'; i++) if (text[i] === "\\") i++;
    } else if (character === "[" || character === "{") {
      depth++;
      if (depth === 1) start = i + 1;
    } else if (character === "]" || character === "}") depth--;
    const isEnd = depth === 0 && character === "]";
    if (isEnd || (depth === 1 && character === ",")) {
      elements.push(text.slice(start, i).trim());
      start = i + 1;
      if (isEnd) break;
    }
  }
  return elements.length === 1 && elements[0] === "" ? [] : elements;
}
