import type { OutgoingHttpHeaders } from "node:http";
import type { Call } from "../call.ts";
import { Problem } from "../problem.ts";
import { isFraming } from "./head.ts";
import { send, sendHeadOnly } from "./send.ts";
import { type Source, sendStream } from "./stream.ts";

/**
 * Answers with a web-standard Response.
 *
 * @throws INVALID_RESPONSE for any other value.
 */
export async function sendWebResponse(call: Call, result: unknown): Promise<void> {
  if (!(result instanceof Response)) {
    throw new Problem(
      "INVALID_RESPONSE",
      `Expected fetch to return a Response, got ${result === null ? "null" : typeof result}`,
    );
  }
  const { status, body } = result;
  const headers = headersOf(result);
  if (body === null) return send(call, status, headers, undefined);
  const length = result.headers.get("content-length");
  if (call.request.method === "HEAD" && length !== null) {
    void body.cancel();
    return sendHeadOnly(call, status, headers, Number(length));
  }
  return sendStream(call, status, headers, body as Source);
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
