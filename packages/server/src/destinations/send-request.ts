import type { LookupAddress } from "node:dns";
import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { LookupFunction } from "node:net";
import { FaasError } from "@faas/core";
import type { DeliveryResponse } from "@faas/gateway";

/** A request to a URL whose host was resolved and checked. */
export interface CheckedRequest {
  readonly url: URL;
  readonly addresses: readonly LookupAddress[];
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly timeoutMs: number;
  /** Bytes of the response's body that are read. */
  readonly maxResponseBytes: number;
}

/**
 * Sends a request to one of the addresses that were checked. Redirects are not followed, proxies are not used, and a certificate has to be valid.
 *
 * @throws DESTINATION_FAILED
 */
export async function sendRequest(request: CheckedRequest, signal: AbortSignal): Promise<DeliveryResponse> {
  const { url, timeoutMs, maxResponseBytes } = request;
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const response = await responseOf(request, AbortSignal.any([signal, timeout]));
    return await readResponse(response, maxResponseBytes);
  } catch (cause) {
    const reason = timeout.aborted ? `no complete response within ${timeoutMs} ms` : reasonOf(cause);
    throw new FaasError("DESTINATION_FAILED", `The request to ${url.origin} failed: ${reason}`, { cause });
  }
}

function responseOf(
  { url, addresses, method, headers, body }: CheckedRequest,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const send = url.protocol === "https:" ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const request = send(url, {
      ...{ method, headers, signal, lookup: pinnedTo(addresses) },
      // A connection of its own, to these addresses, without the proxy of the environment.
      agent: false,
      // Also where the environment says otherwise.
      rejectUnauthorized: true,
    });
    request.once("response", resolve).once("error", reject);
    request.once("close", () => reject(new Error("the connection was closed without a response")));
    request.end(body);
  });
}

/** Resolves every name to the given addresses. */
function pinnedTo(addresses: readonly LookupAddress[]): LookupFunction {
  return (_hostname, options, callback) => {
    const [{ address, family } = { address: "", family: 4 }] = addresses;
    if (options.all) callback(null, [...addresses]);
    else callback(null, address, family);
  };
}

/** Headers about the connection, not about the response (RFC 9110 section 7.6.1). */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

async function readResponse(response: IncomingMessage, maxBytes: number): Promise<DeliveryResponse> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    // The rest is of no use, and may be endless: leaving the loop closes the connection.
    if (bytes > maxBytes) break;
  }
  const { rawHeaders, statusCode: status = 0 } = response;
  const headers = rawHeaders.flatMap((name, i) =>
    i % 2 === 0 && !HOP_BY_HOP.has(name.toLowerCase()) ? [[name, rawHeaders[i + 1] ?? ""] as const] : [],
  );
  return { status, from: "function", headers, body: Buffer.concat(chunks).subarray(0, maxBytes), bytes };
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof AggregateError) return [...new Set(error.errors.map(reasonOf))].join(", ");
  return code === undefined || message.includes(code) ? message : `${message} (${code})`;
}
