import { type Attributes, checkAttributes, checkName, invalidEvent } from "./attributes.ts";

const PREFIX = "ce-";

/**
 * Reads the attributes of an event in binary mode from the headers (CloudEvents 1.0, HTTP protocol binding, section 3.1).
 *
 * @param rawHeaders alternating names and values, as they were received
 * @throws CLOUDEVENT_INVALID
 */
export function binaryAttributes(rawHeaders: readonly string[]): Attributes {
  const attributes = new Map<string, string>();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const header = (rawHeaders[i] as string).toLowerCase();
    const value = rawHeaders[i + 1] as string;
    if (header === "content-type") add(attributes, "datacontenttype", value, header);
    else if (header === "ce-datacontenttype")
      throw invalidEvent('expected "datacontenttype" in the header Content-Type, got ce-datacontenttype');
    else if (header.startsWith(PREFIX)) {
      const name = header.slice(PREFIX.length);
      checkName(name);
      add(attributes, name, decodeHeaderValue(name, value), header);
    }
  }
  checkAttributes(attributes);
  return attributes;
}

function add(attributes: Map<string, string>, name: string, value: string, header: string): void {
  if (attributes.has(name)) throw invalidEvent(`expected the header ${header} once, got it again`);
  attributes.set(name, value);
}

/**
 * Decodes the value of a header: first a quoted string, then percent-encoded UTF-8.
 *
 * @param name of the attribute, for messages
 * @throws CLOUDEVENT_INVALID
 */
export function decodeHeaderValue(name: string, value: string): string {
  if (!/^[\t -~]*$/.test(value))
    throw invalidEvent(`expected "${name}" to be percent-encoded in its header, got characters that are not ASCII`);
  const text = /^"(?:[^"\\]|\\.)*"$/.test(value) ? value.slice(1, -1).replaceAll(/\\(.)/g, "$1") : value;
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidEvent(`expected "${name}" to be percent-encoded UTF-8 in its header, got "${text.slice(0, 100)}"`);
  }
}
