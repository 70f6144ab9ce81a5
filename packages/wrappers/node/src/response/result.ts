import type { OutgoingHttpHeaders } from "node:http";
import type { Call } from "../call.ts";
import { lazy } from "../lazy/load.ts";
import { signatureSetting } from "../options.ts";
import { messageOf, Problem } from "../problem.ts";
import { BYTES, encodingHeaderOf, JSON_TYPE, sendableHeaders, TEXT, withType } from "./head.ts";
import { send } from "./send.ts";
import { type Source, sendStream } from "./stream.ts";

/**
 * Answers with the result of a handler (docs/wrapper-protocol.md, "What it returns"). Returns a promise only if that takes time.
 *
 * @throws INVALID_RESPONSE if the value is not a valid response.
 */
export function sendResult(call: Call, result: unknown): Promise<void> | undefined {
  if (isExact(result)) {
    const headers = sendableHeaders(result.headers);
    const encoding = encodingHeaderOf(headers);
    if (encoding !== undefined) return lazy().sendEncoded(call, result, headers, encoding);
    return sendBody(call, result.status, headers, result.body);
  }
  if (isResponse(result)) return lazy().sendWebResponse(call, result);
  return sendBody(call, undefined, {}, result);
}

/** Result that sets the status and optionally headers. */
export interface ExactResult {
  readonly status: number;
  readonly headers?: unknown;
  readonly body?: unknown;
}

/** Tests for `{ status, headers?, body? }` with an integer status and no other key. */
function isExact(value: unknown): value is ExactResult {
  if (value === null || typeof value !== "object" || isResponse(value)) return false;
  const { status } = value as { readonly status?: unknown };
  if (!Number.isInteger(status)) return false;
  for (const key in value) if (key !== "status" && key !== "headers" && key !== "body") return false;
  if ((status as number) < 200 || (status as number) > 599)
    throw new Problem("INVALID_RESPONSE", `Expected "status" to be from 200 to 599, got ${status}`);
  return true;
}

/** Tests for a `Response` of the web. Its tag comes first: the class itself is part of a large module, which Node loads when the class is first mentioned. */
function isResponse(value: unknown): value is Response {
  if (typeof value !== "object" || value === null) return false;
  return (
    (value as { readonly [Symbol.toStringTag]?: unknown })[Symbol.toStringTag] === "Response" &&
    value instanceof Response
  );
}

/** Sends a body by its type. The status defaults to 204 without a body, and to 200 with one. */
export function sendBody(
  call: Call,
  status: number | undefined,
  headers: OutgoingHttpHeaders,
  body: unknown,
): Promise<void> | undefined {
  if (body === undefined || body === null) return send(call, status ?? 204, headers, undefined);
  if (typeof body === "string") return send(call, status ?? 200, withType(headers, TEXT), body);
  if (ArrayBuffer.isView(body)) {
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    return send(call, status ?? 200, withType(headers, BYTES), bytes);
  }
  if (body instanceof ArrayBuffer) return send(call, status ?? 200, withType(headers, BYTES), Buffer.from(body));
  if (isStream(body)) return sendStream(call, status ?? 200, withType(headers, BYTES), body);
  if (status === undefined && isLambdaResponse(body)) throw new Problem("INVALID_RESPONSE", LAMBDA_ADVICE);
  return send(call, status ?? 200, withType(headers, JSON_TYPE), jsonOf(body));
}

const LAMBDA_ADVICE =
  'The function returned "statusCode", as on AWS Lambda. Deploy it with --signature lambda, or return "status"; with --signature faas it is sent as JSON';
const LAMBDA_KEYS = /^(?:statusCode|statusDescription|headers|multiValueHeaders|cookies|body|isBase64Encoded)$/;

/** Tests for the response of a Lambda function, which would be sent as JSON with the status 200. */
function isLambdaResponse(body: unknown): boolean {
  const { statusCode } = body as { readonly statusCode?: unknown };
  if (statusCode === undefined || signatureSetting === "faas" || !Number.isInteger(Number(statusCode))) return false;
  return Object.keys(body as object).every((key) => LAMBDA_KEYS.test(key));
}

/** Tests for a body that is sent as a stream. */
export function isStream(value: unknown): value is Source {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const source = value as { [Symbol.asyncIterator]?: unknown; [Symbol.iterator]?: unknown; next?: unknown };
  if (typeof source[Symbol.asyncIterator] === "function") return true;
  // Must be an iterator itself: a Map or a Set is a value.
  return typeof source[Symbol.iterator] === "function" && typeof source.next === "function";
}

/** @throws INVALID_RESPONSE if the value cannot be written as JSON. */
function jsonOf(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw new Problem(
      "INVALID_RESPONSE",
      `The function returned a value that cannot be written as JSON: ${messageOf(error)}`,
    );
  }
  if (text === undefined)
    throw new Problem(
      "INVALID_RESPONSE",
      `The function returned a value that cannot be written as JSON: ${typeof value} is not a JSON type`,
    );
  return text;
}
