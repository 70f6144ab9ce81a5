import type { IncomingHttpHeaders } from "node:http";
import { FaasError } from "@faas/core";
import { type Attributes, invalidEvent } from "./attributes.ts";
import { binaryAttributes } from "./binary-mode.ts";
import { elementTexts, jsonAttributes, parseJson } from "./json-format.ts";

/** Media type of an event in structured mode. */
const STRUCTURED = "application/cloudevents+json";
const BATCH = "application/cloudevents-batch+json";
/** Maximum number of events in a batch. */
const MAX_BATCH = 1_000;
/** Invalid events of a batch that a problem lists. */
const MAX_LISTED = 20;

/** A CloudEvent of a message, and the bytes with which it is delivered. */
export interface ReceivedEvent {
  readonly attributes: Attributes;
  readonly body: Buffer;
  /** Content type that replaces that of the message: the event was in a batch. */
  readonly contentType?: string;
}

/** Message of a sender of events. */
export interface EventMessage {
  readonly headers: IncomingHttpHeaders;
  /** Alternating names and values, as they were received. */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

/**
 * Reads the events of a message in any content mode (CloudEvents 1.0, HTTP protocol binding). All events are valid, or none is returned.
 *
 * @throws CLOUDEVENT_INVALID, MALFORMED_JSON, UNSUPPORTED_MEDIA_TYPE
 */
export function readEvents({ headers, rawHeaders, body }: EventMessage): ReceivedEvent[] {
  const mediaType = (headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (!mediaType.startsWith("application/cloudevents")) return [binaryEvent(headers, rawHeaders, body)];
  checkFormat(mediaType, headers);
  const { text, value } = parseJson(body);
  if (mediaType === STRUCTURED) return [{ attributes: prefixed(() => jsonAttributes(value)), body }];
  return batchEvents(text, value);
}

function binaryEvent(headers: IncomingHttpHeaders, rawHeaders: readonly string[], body: Buffer): ReceivedEvent {
  if (headers["ce-specversion"] === undefined)
    throw invalidEvent(
      `The request is not a CloudEvent: expected the header ce-specversion, or Content-Type: ${STRUCTURED} or ${BATCH}`,
    );
  return { attributes: prefixed(() => binaryAttributes(rawHeaders)), body };
}

function checkFormat(mediaType: string, headers: IncomingHttpHeaders): void {
  const unsupported = (expected: string, got: string) =>
    new FaasError("UNSUPPORTED_MEDIA_TYPE", `Expected ${expected}, got "${got}"`);
  if (mediaType !== STRUCTURED && mediaType !== BATCH)
    throw unsupported(`events in the media type ${STRUCTURED} or ${BATCH}, or in binary mode`, mediaType);
  const [, charset = "utf-8"] = /;[ \t]*charset="?([^";\s]+)/i.exec(headers["content-type"] ?? "") ?? [];
  if (!/^(?:utf-8|us-ascii)$/i.test(charset)) throw unsupported("JSON in UTF-8", charset);
  const { "content-encoding": encoding = "identity" } = headers;
  if (encoding !== "identity") throw unsupported("a body without a content encoding", encoding);
}

function batchEvents(text: string, value: unknown): ReceivedEvent[] {
  if (!Array.isArray(value)) throw invalidEvent(`Expected the body of ${BATCH} to be a JSON array of events`);
  if (value.length > MAX_BATCH)
    throw invalidEvent(`Expected at most ${MAX_BATCH} events in a batch, got ${value.length}: send several batches`);
  const texts = elementTexts(text);
  const problems: { readonly index: number; readonly detail: string }[] = [];
  const events = value.flatMap((element, index) => {
    try {
      const attributes = jsonAttributes(element);
      return [{ attributes, body: Buffer.from(texts[index] as string), contentType: STRUCTURED }];
    } catch (error) {
      problems.push({ index, detail: (error as Error).message });
      return [];
    }
  });
  const [first] = problems;
  if (first === undefined) return events;
  const others = problems.length > 1 ? `; ${problems.length - 1} more are invalid` : "";
  throw invalidEvent(
    `Event ${first.index} of the batch is not a CloudEvent: ${first.detail}${others}. No event of the batch was accepted`,
    { events: problems.slice(0, MAX_LISTED) },
  );
}

/** Adds the beginning of the message to a problem with the only event. */
function prefixed<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    throw error instanceof FaasError && error.code === "CLOUDEVENT_INVALID"
      ? invalidEvent(`The request is not a CloudEvent: ${error.message}`)
      : error;
  }
}
