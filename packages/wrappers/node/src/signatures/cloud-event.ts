import type { IncomingHttpHeaders } from "node:http";
import { messageOf, Problem } from "../problem.ts";
import { parseBody } from "../request/parse-body.ts";
import { JSON_TYPE } from "../response/head.ts";

const REQUIRED = ["id", "source", "specversion", "type"];
/** Attributes of an event that are not headers of the message in binary content mode. */
const NOT_HEADERS = new Set(["data", "data_base64", "datacontenttype"]);

/** Event with the attributes of CloudEvents 1.0, extension attributes included. */
export class CloudEvent {
  [attribute: string]: unknown;

  constructor(fields: Readonly<Record<string, unknown>>) {
    Object.assign(this, fields);
  }
}

/** Tests whether the headers of a message are those of a CloudEvent, in any content mode. */
export function hasCloudEvent(headers: IncomingHttpHeaders): boolean {
  return (
    headers["ce-id"] !== undefined ||
    headers["ce-specversion"] !== undefined ||
    typeOf(headers).startsWith("application/cloudevents")
  );
}

function typeOf(headers: IncomingHttpHeaders): string {
  return (headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() as string;
}

/**
 * Parses the CloudEvent of a message (CloudEvents 1.0, HTTP protocol binding): in binary content mode the attributes are headers, in structured
 * content mode the body is a JSON object.
 *
 * @throws INVALID_REQUEST
 * @throws MALFORMED_JSON
 */
export function parseCloudEvent(headers: IncomingHttpHeaders, body: Buffer): CloudEvent {
  const type = typeOf(headers);
  if (type.startsWith("application/cloudevents-batch"))
    throw invalid("Batches of CloudEvents are not supported: send each event in its own request");
  const isStructured = type.startsWith("application/cloudevents");
  if (isStructured && type !== "application/cloudevents+json")
    throw invalid(`Expected a CloudEvent of the type application/cloudevents+json, got ${type}`);
  const event = isStructured ? structuredEvent(parseBody(body, JSON_TYPE)) : binaryEvent(headers, body);
  for (const name of REQUIRED)
    if (typeof event[name] !== "string" || event[name] === "")
      throw invalid(
        `Expected a CloudEvent with the attribute "${name}", ${isStructured ? "in the body" : `as the header "ce-${name}"`}`,
      );
  if (event.specversion !== "1.0" && event.specversion !== "0.3")
    throw invalid(`Expected a CloudEvent of specversion 1.0, got "${event.specversion}"`);
  return event;
}

function invalid(detail: string): Problem {
  return new Problem("INVALID_REQUEST", detail);
}

function binaryEvent(headers: IncomingHttpHeaders, body: Buffer): CloudEvent {
  const fields: Record<string, unknown> = {};
  for (const name in headers) {
    if (name.startsWith("ce-") && !NOT_HEADERS.has(name.slice(3)))
      fields[name.slice(3)] = decodeValue(String(headers[name]));
  }
  const type = headers["content-type"];
  if (type !== undefined) fields.datacontenttype = type;
  if (body.length > 0) fields.data = parseBody(body, type);
  return new CloudEvent(fields);
}

/** Decodes a header's value: a quoted string (RFC 9110 section 5.6.4) and percent-encoded UTF-8. */
function decodeValue(value: string): string {
  const text = /^".*"$/.test(value) ? value.slice(1, -1).replace(/\\(.)/g, "$1") : value;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function structuredEvent(message: unknown): CloudEvent {
  if (typeof message !== "object" || message === null || Array.isArray(message))
    throw invalid("Expected a CloudEvent as a JSON object");
  const { data_base64: encoded, ...fields } = message as Record<string, unknown>;
  if (encoded === undefined || encoded === null) return new CloudEvent(fields);
  const bytes = Buffer.from(String(encoded), "base64");
  const type = String(fields.datacontenttype ?? "");
  try {
    return new CloudEvent({ ...fields, data: parseBody(bytes, type), data_base64: encoded });
  } catch (error) {
    throw invalid(`The data of the CloudEvent is not of its datacontenttype ${type}: ${messageOf(error)}`);
  }
}

/** Tests whether a result is a CloudEvent: it has the required attributes. */
export function isCloudEvent(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    REQUIRED.every((name) => typeof (value as CloudEvent)[name] === "string")
  );
}

/** Converts a CloudEvent to a response in binary content mode. */
export function binaryMessage(event: Readonly<Record<string, unknown>>): {
  status: number;
  headers: Record<string, string>;
  body: unknown;
} {
  const headers: Record<string, string> = {};
  // The toJSON of an event of the CloudEvents SDK has its attributes alone.
  const toJson = (event as { toJSON?: () => Record<string, unknown> }).toJSON;
  const fields = toJson === undefined ? event : toJson.call(event);
  for (const [name, value] of Object.entries(fields))
    if (!NOT_HEADERS.has(name) && value !== undefined && value !== null && typeof value !== "function")
      headers[`ce-${name.toLowerCase()}`] = encodeValue(value instanceof Date ? value.toISOString() : String(value));
  const { data, data_base64: encoded, datacontenttype } = event;
  if (data === undefined && typeof encoded === "string")
    return message(headers, datacontenttype, Buffer.from(encoded, "base64"));
  if (data === undefined || data === null) return message(headers, datacontenttype, "");
  if (typeof data === "string" || ArrayBuffer.isView(data)) return message(headers, datacontenttype, data);
  return message(headers, datacontenttype ?? JSON_TYPE, JSON.stringify(data));
}

function message(headers: Record<string, string>, type: unknown, body: unknown): ReturnType<typeof binaryMessage> {
  if (typeof type === "string") headers["Content-Type"] = type;
  return { status: 200, headers, body };
}

/** Percent-encodes the characters that the value of an attribute cannot have in a header. */
function encodeValue(value: string): string {
  return value.replace(/[^\x21\x23\x24\x26-\x7e]+/gu, (text) =>
    Array.from(Buffer.from(text), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join(""),
  );
}
