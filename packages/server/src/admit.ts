import { FaasError, formatSize } from "@faas/core";
import type { LiveEndpoint } from "./endpoints.ts";
import type { Exchange, Stage } from "./exchange.ts";

/**
 * Bodies up to this size are read before the request takes a place: a slow client then costs no place, and a replica that
 * is gone costs a retry, not an error.
 */
const SMALL_BYTES = 16 * 1024;

/** Refuses what is over a limit, and finds out what kind of body there is. BODY_TOO_LARGE, NO_CAPACITY. */
export function admit(waitingLimit: number): Stage {
  return (exchange) => {
    const { request } = exchange;
    const endpoint = exchange.endpoint as LiveEndpoint;
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
    if (bytes > endpoint.spec.bodyLimitBytes) throw tooLarge(endpoint.spec.bodyLimitBytes);
    if (bytes <= SMALL_BYTES) return readSmall(exchange);
    exchange.body = undefined;
    exchange.proceed();
  };
}

export function tooLarge(limitBytes: number): FaasError {
  return new FaasError(
    "BODY_TOO_LARGE",
    `Expected a body of at most ${formatSize(limitBytes)}, got more; "faas deploy --body-limit" sets it`,
  );
}

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
