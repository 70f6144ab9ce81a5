import { FaasError, PROBLEM_MEDIA_TYPE, toProblem } from "@faas/core";
import type { Delivery, DeliveryResponse } from "@faas/gateway";
import type { Deliver } from "../async-calls/deliveries.ts";
import { allowedDestination } from "./destination-policy.ts";
import { resolveDestination } from "./resolve-destination.ts";
import type { Resolve } from "./resolve-host.ts";
import { sendRequest } from "./send-request.ts";
import { signatureHeaders } from "./signature.ts";

export interface UrlDelivererOptions {
  /** Returns the entries of an organization's list of destinations. */
  readonly allowedOf: (org: string) => readonly string[];
  /** Returns the keys that sign an organization's calls. */
  readonly keysOf: (org: string) => Promise<readonly string[]>;
  /** Returns the timeout of the calls of an endpoint. @param key "org/endpoint" */
  readonly timeoutOf: (key: string) => number;
  readonly resolve?: Resolve;
}

/** Part of a response's body that is kept. */
const MAX_RESPONSE_BYTES = 64 * 1024;

/** Creates the function that delivers calls to URLs: checks, signs and sends them. */
export function urlDeliverer(options: UrlDelivererOptions): Deliver {
  return async (delivery, signal) => {
    try {
      return await deliver(delivery, signal, options);
    } catch (error) {
      return signal.aborted ? ABORTED : problemResponse(error);
    }
  };
}

async function deliver(
  { request, body, requestId, lines }: Delivery,
  signal: AbortSignal,
  { allowedOf, keysOf, timeoutOf, resolve }: UrlDelivererOptions,
): Promise<DeliveryResponse> {
  const { destination, method } = request;
  if (destination === undefined) throw new FaasError("INTERNAL", "Expected a call to a URL, got one to an endpoint");
  const { org, endpoint } = destination;
  const url = new URL(destination.url);
  const addresses = await resolveDestination(url, allowedDestination(org, url, allowedOf(org)), resolve);
  const headers = parseLines(request.lines + lines);
  const signature = signatureHeaders(headers["x-faas-call-id"] ?? requestId, body, await keysOf(org), Date.now());
  return sendRequest(
    {
      ...{ url, addresses, method, body, timeoutMs: timeoutOf(`${org}/${endpoint}`) },
      headers: {
        ...headers,
        ...signature,
        ...{ "content-length": String(body.length), "user-agent": "faas", "x-request-id": requestId },
      },
      maxResponseBytes: MAX_RESPONSE_BYTES,
    },
    signal,
  );
}

/** Parses header lines, each with CR LF. */
function parseLines(lines: string): Record<string, string> {
  const headers = lines.split("\r\n").flatMap((line) => {
    const colon = line.indexOf(":");
    return colon < 0 ? [] : [[line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const];
  });
  return Object.fromEntries(headers);
}

const ABORTED: DeliveryResponse = { status: 499, from: "gateway", headers: [], body: Buffer.alloc(0), bytes: 0 };

/** Returns a failure in the form in which the gateway reports one. */
function problemResponse(error: unknown): DeliveryResponse {
  const problem = toProblem(error);
  const body = Buffer.from(JSON.stringify(problem));
  const headers = [["content-type", PROBLEM_MEDIA_TYPE]] as const;
  return { status: problem.status, from: "gateway", headers, body, bytes: body.length };
}
