import { readFileSync } from "node:fs";
import { Agent, type IncomingMessage, request as requestHttp } from "node:http";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { TraceSettings } from "../settings.ts";
import type { SendBatch, SendResult } from "./exporter.ts";

/** Status codes after which a batch is sent again (OTLP/HTTP, "Retryable Response Codes"). */
const RETRYABLE = new Set([429, 502, 503, 504]);
const RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;
/** Bytes of a response that are read. */
const MAX_RESPONSE_BYTES = 64 * 1024;

/** Returns a function that sends batches to the endpoint of the settings. `node:https` is loaded if the endpoint needs it. */
export async function httpSender({
  url,
  headers,
  certificateFile,
  gzip: isGzip,
  timeoutMs,
}: TraceSettings): Promise<SendBatch> {
  const isSecure = url.startsWith("https:");
  const ca = certificateFile === undefined ? {} : { ca: readFileSync(certificateFile) };
  const { request, agent } = isSecure
    ? await secure(ca)
    : { request: requestHttp, agent: new Agent({ keepAlive: true }) };
  return async (text) => {
    const body = isGzip ? await promisify(gzip)(text) : Buffer.from(text);
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const call = request(url, {
      ...{ method: "POST", agent, signal: AbortSignal.timeout(timeoutMs) },
      headers: {
        "User-Agent": "faas",
        ...headers,
        "Content-Type": "application/json",
        "Content-Length": body.length,
        ...(isGzip ? { "Content-Encoding": "gzip" } : {}),
      },
    });
    call.on("error", reject);
    call.once("response", resolve);
    call.end(body);
    return resultOf(await promise);
  };
}

async function secure(options: { readonly ca?: Buffer }) {
  const { Agent: SecureAgent, request } = await import("node:https");
  return { request, agent: new SecureAgent({ keepAlive: true, ...options }) };
}

async function resultOf(response: IncomingMessage): Promise<SendResult> {
  const { statusCode: status = 0, headers } = response;
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) if (text.length < MAX_RESPONSE_BYTES) text += chunk;
  if (status >= 200 && status < 300) {
    return rejectionOf(text);
  }
  const problem = `the endpoint responded with ${status}`;
  if (!RETRYABLE.has(status)) return { problem };
  const seconds = Number(headers["retry-after"]);
  return { problem, retryMs: seconds > 0 ? Math.min(MAX_RETRY_MS, seconds * 1000) : RETRY_MS };
}

/** Returns what the endpoint rejected of a batch that it accepted. */
function rejectionOf(text: string): SendResult {
  try {
    const { rejectedSpans = 0, errorMessage = "" } = JSON.parse(text)?.partialSuccess ?? {};
    const lost = Number(rejectedSpans);
    return lost > 0 ? { lost, problem: `the endpoint rejected spans: ${errorMessage}` } : {};
  } catch {
    // A response without a body, or in another encoding.
    return {};
  }
}
