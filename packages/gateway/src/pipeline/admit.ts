import { FaasError, formatSize } from "@faas/core";
import type { ServedEndpoint } from "../endpoints/registry.ts";
import type { RequestMetrics } from "../metrics/request-metrics.ts";
import type { Exchange, Stage } from "./exchange.ts";

/**
 * Bodies up to this size are read before the request takes a place: a slow client then costs no place, and a replica that
 * is gone costs a retry, not an error.
 */
const SMALL_BYTES = 16 * 1024;

/**
 * Refuses what is over a limit of the organization, of the endpoint or of the line, and finds out what kind of body there is. CONCURRENCY_LIMITED, RATE_LIMITED,
 * BODY_TOO_LARGE, NO_CAPACITY.
 */
export function admit(waitingLimit: number, metrics: RequestMetrics | undefined): Stage {
  return (exchange) => {
    const { request } = exchange;
    const endpoint = exchange.endpoint as ServedEndpoint;
    const { org } = endpoint;
    const limited = org.enter(exchange.arrived);
    if (limited) {
      metrics?.limited(endpoint, limited.limit);
      return org.refusals.refuse(exchange, limited);
    }
    exchange.admitted = true;
    endpoint.lastRequestMs = Date.now();
    if (endpoint.waiting >= waitingLimit) {
      throw new FaasError("NO_CAPACITY", `${endpoint.waiting} requests wait for ${endpoint.key} already`);
    }
    const coding = request.headers["transfer-encoding"];
    if (coding !== undefined) {
      exchange.body = undefined;
      return exchange.proceed();
    }
    const length = request.headers["content-length"];
    // node:http lets no malformed length through.
    const bytes = length === undefined ? 0 : Number(length);
    if (bytes === 0) return exchange.proceed();
    if (bytes > bodyLimitOf(endpoint)) throw tooLarge(endpoint);
    if (bytes <= SMALL_BYTES) return readSmall(exchange);
    exchange.body = undefined;
    exchange.proceed();
  };
}

/** The largest body of a call: what the endpoint allows, and its organization. */
export const bodyLimitOf = ({ spec, org }: ServedEndpoint): number =>
  Math.min(spec.bodyLimitBytes, org.limits.bodyBytes);

export function tooLarge(endpoint: ServedEndpoint): FaasError {
  const { spec, org } = endpoint;
  const whose =
    org.limits.bodyBytes < spec.bodyLimitBytes
      ? `that is the limit of the organization "${org.name}"`
      : '"faas deploy --body-limit" sets it';
  return new FaasError(
    "BODY_TOO_LARGE",
    `Expected a body of at most ${sizeText(bodyLimitOf(endpoint))}, got more; ${whose}`,
  );
}

const sizeText = (bytes: number) => (/^\d+$/.test(formatSize(bytes)) ? `${bytes} bytes` : formatSize(bytes));

function readSmall(exchange: Exchange): void {
  const { request, response } = exchange;
  if (exchange.expectsContinue) response.writeContinue();
  let body: Buffer | undefined;
  request.on("data", (chunk: Buffer) => {
    body = body === undefined ? chunk : Buffer.concat([body, chunk]);
  });
  request.on("end", () => {
    if (exchange.finished) return;
    exchange.body = body ?? null;
    exchange.proceed();
  });
}
