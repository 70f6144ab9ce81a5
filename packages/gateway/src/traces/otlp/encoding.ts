import type { Attributes, AttributeValue, Span } from "../span.ts";

/** Encoding of spans as OTLP/HTTP with JSON (opentelemetry-proto, `ExportTraceServiceRequest`; ids are hexadecimal, 64-bit numbers are text). */

/** `STATUS_CODE_ERROR`. */
const ERROR_STATUS = 2;
const SAMPLED = 0x1;
/** `SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK` and `SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK`. */
const HAS_IS_REMOTE = 0x100;
const IS_REMOTE = 0x200;

/**
 * Encodes spans as the body of an export request.
 *
 * @param resource attributes of this process
 * @param version of the program
 */
export function encodeSpans(spans: readonly Span[], resource: Attributes, version: string): string {
  const byResource = Map.groupBy(spans, (span) => (span.resource === undefined ? "" : JSON.stringify(span.resource)));
  const resourceSpans = Array.from(byResource.values(), (group) => ({
    resource: { attributes: attributesOf(group[0]?.resource ?? resource) },
    scopeSpans: [{ scope: { name: "faas", version }, spans: group.map(encodeSpan) }],
  }));
  return JSON.stringify({ resourceSpans });
}

function encodeSpan(span: Span) {
  const { traceId, spanId, parentId, isParentRemote, traceState, name, kind, beganMs, endedMs, attributes, error } =
    span;
  return {
    ...{ traceId, spanId, traceState, name, kind },
    parentSpanId: parentId,
    flags: SAMPLED | HAS_IS_REMOTE | (isParentRemote ? IS_REMOTE : 0),
    startTimeUnixNano: nanoseconds(beganMs),
    endTimeUnixNano: nanoseconds(Math.max(beganMs, endedMs)),
    attributes: attributes === undefined ? undefined : attributesOf(attributes),
    status: error === undefined ? undefined : { code: ERROR_STATUS, message: error || undefined },
  };
}

const attributesOf = (attributes: Attributes) =>
  Object.entries(attributes).map(([key, value]) => ({ key, value: anyValue(value) }));

function anyValue(value: AttributeValue) {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}

/** Converts milliseconds to nanoseconds, which a number cannot hold. */
function nanoseconds(ms: number): string {
  const micros = Math.round(ms * 1000);
  return `${micros}000`;
}
