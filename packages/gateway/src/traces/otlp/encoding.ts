import type { Attributes, AttributeValue, Span } from "../span.ts";

/**
 * Encoding of spans as OTLP/HTTP with JSON (opentelemetry-proto, `ExportTraceServiceRequest`; ids are hexadecimal, 64-bit numbers are text). It is put
 * together by hand, because objects for `JSON.stringify` would take twice the time.
 */

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
  const scope = JSON.stringify({ name: "faas", version });
  const groups = Array.from(
    Map.groupBy(spans, (span) => span.resource),
    ([own = resource, group]) => {
      const encoded = group.map(encodeSpan).join(",");
      return `{"resource":{"attributes":${encodeAttributes(own)}},"scopeSpans":[{"scope":${scope},"spans":[${encoded}]}]}`;
    },
  );
  return `{"resourceSpans":[${groups.join(",")}]}`;
}

function encodeSpan(span: Span): string {
  const { traceId, spanId, parentId, traceState, name, kind, beganMs, endedMs, attributes, error } = span;
  const flags = SAMPLED | HAS_IS_REMOTE | (span.isParentRemote ? IS_REMOTE : 0);
  let text = `{"traceId":"${traceId}","spanId":"${spanId}","name":${JSON.stringify(name)},"kind":${kind},"flags":${flags}`;
  text += `,"startTimeUnixNano":"${nanoseconds(beganMs)}","endTimeUnixNano":"${nanoseconds(Math.max(beganMs, endedMs))}"`;
  if (parentId !== undefined) text += `,"parentSpanId":"${parentId}"`;
  if (traceState !== undefined) text += `,"traceState":${JSON.stringify(traceState)}`;
  if (attributes !== undefined) text += `,"attributes":${encodeAttributes(attributes)}`;
  if (error !== undefined) text += `,"status":${JSON.stringify({ code: ERROR_STATUS, message: error || undefined })}`;
  return `${text}}`;
}

function encodeAttributes(attributes: Attributes): string {
  let text = "";
  for (const name in attributes) {
    const value = encodeValue(attributes[name] as AttributeValue);
    text += `${text === "" ? "" : ","}{"key":${JSON.stringify(name)},"value":{${value}}}`;
  }
  return `[${text}]`;
}

function encodeValue(value: AttributeValue): string {
  if (typeof value === "string") return `"stringValue":${JSON.stringify(value)}`;
  if (typeof value === "boolean") return `"boolValue":${value}`;
  return Number.isInteger(value) ? `"intValue":"${value}"` : `"doubleValue":${JSON.stringify(value)}`;
}

/** Converts milliseconds to nanoseconds, which a number cannot hold. */
const nanoseconds = (ms: number): string => `${Math.round(ms * 1000)}000`;
