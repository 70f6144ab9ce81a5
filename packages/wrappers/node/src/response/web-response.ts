import type { OutgoingHttpHeaders } from "node:http";
import type { Call } from "../call.ts";
import { Problem } from "../problem.ts";
import { isDecodedByFetch, removeMissingEncodingOf } from "./content-encoding.ts";
import { encodingHeaderOf, isFraming } from "./head.ts";
import { send, sendHeadOnly } from "./send.ts";
import { type Source, sendStream } from "./stream.ts";

/**
 * Answers with a web-standard Response.
 *
 * @throws INVALID_RESPONSE for any other value.
 */
export async function sendWebResponse(call: Call, result: unknown): Promise<void> {
  if (!isWebResponse(result)) {
    throw new Problem(
      "INVALID_RESPONSE",
      `Expected fetch to return a Response, got ${result === null ? "null" : typeof result}`,
    );
  }
  const { status, body } = result;
  const headers = headersOf(result);
  let length = result.headers.get("content-length");
  const encoding = encodingHeaderOf(headers);
  if (encoding !== undefined && isDecodedByFetch(result)) {
    delete headers[encoding];
    length = null;
  }
  if (body === null) return send(call, status, headers, undefined);
  let source = body as Source;
  if (encoding !== undefined && encoding in headers) {
    source = await removeMissingEncodingOf(source, headers, encoding);
    if (!(encoding in headers)) length = null;
  }
  if (call.request.method === "HEAD" && length !== null) {
    await (source === body ? body.cancel() : source.return?.());
    return sendHeadOnly(call, status, headers, Number(length));
  }
  return sendStream(call, status, headers, source);
}

/** Tests for a Response, which may be one of a library instead of Node's. */
function isWebResponse(value: unknown): value is Response {
  if (value instanceof Response) return true;
  const { status, headers } = (value ?? {}) as { readonly status?: unknown; readonly headers?: Partial<Headers> };
  return typeof status === "number" && typeof headers?.get === "function";
}

function headersOf({ headers: given }: Response): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {};
  const cookies: string[] = [];
  for (const [name, value] of given) {
    if (isFraming(name, value)) continue;
    if (name !== "set-cookie") headers[name] = value;
    else {
      cookies.push(value);
      headers[name] = cookies;
    }
  }
  return headers;
}
