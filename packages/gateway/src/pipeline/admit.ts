import { FaasError, formatSize } from "@faas/core";
import type { ServedEndpoint } from "../endpoints/served-endpoint.ts";
import type { AdmissionCall } from "../limits/admission-queue.ts";
import { concurrencyLimited, type QuotaExceededError } from "../limits/quota-error.ts";
import type { RequestMetrics } from "../metrics/request-metrics.ts";
import type { RoutedExchange, Stage } from "./exchange.ts";

/**
 * Largest body that is read before the request acquires a slot: a slow client then occupies no slot, and a request whose replica is gone can be sent to
 * another one.
 */
const SMALL_BYTES = 16 * 1024;

/**
 * Rejects a request that exceeds a limit of its organization, its endpoint or the queue, and determines what kind of body it has.
 * @throws CONCURRENCY_LIMITED, RATE_LIMITED, BODY_TOO_LARGE, NO_CAPACITY
 */
export function admit(waitingLimit: number, metrics: RequestMetrics | undefined): Stage {
  return (exchange) => {
    const { org } = exchange.endpoint;
    const exceeded = org.enter(exchange.arrived);
    if (exceeded === undefined) admitted(exchange, waitingLimit);
    else if (
      exceeded.limit !== "concurrentRequests" ||
      !org.waitToEnter(new LateEntry(exchange, waitingLimit, metrics))
    )
      reject(exchange, exceeded, metrics);
  };
}

/** A call that waits for a slot of its organization, which other gateways have. */
class LateEntry implements AdmissionCall {
  readonly #exchange: RoutedExchange;
  readonly #waitingLimit: number;
  readonly #metrics: RequestMetrics | undefined;

  constructor(exchange: RoutedExchange, waitingLimit: number, metrics: RequestMetrics | undefined) {
    this.#exchange = exchange;
    this.#waitingLimit = waitingLimit;
    this.#metrics = metrics;
  }

  get finished(): boolean {
    return this.#exchange.finished;
  }

  onOrganizationSlot(): void {
    const exchange = this.#exchange;
    const exceeded = exchange.endpoint.org.enter(performance.now());
    try {
      if (exceeded) reject(exchange, exceeded, this.#metrics);
      else admitted(exchange, this.#waitingLimit);
    } catch (error) {
      exchange.fail(error);
    }
  }

  onOrganizationFull(): void {
    const { name, limits } = this.#exchange.endpoint.org;
    reject(this.#exchange, concurrencyLimited(name, limits.concurrentRequests), this.#metrics);
  }
}

function reject(exchange: RoutedExchange, exceeded: QuotaExceededError, metrics: RequestMetrics | undefined): void {
  const { endpoint } = exchange;
  metrics?.limited(endpoint, exceeded.limit);
  endpoint.org.rejections.reject(exchange, exceeded);
}

function admitted(exchange: RoutedExchange, waitingLimit: number): void {
  const { request, endpoint } = exchange;
  exchange.admitted = true;
  endpoint.lastRequestMs = Date.now();
  if (endpoint.waiting >= waitingLimit) {
    throw new FaasError("NO_CAPACITY", `${endpoint.waiting} requests are already waiting for ${endpoint.title}`);
  }
  const bytes = request.bodyLength;
  if (bytes !== undefined && bytes > bodyLimitOf(endpoint)) throw bodyTooLarge(endpoint);
  if (bytes !== undefined && bytes > 0 && bytes <= SMALL_BYTES) readSmall(exchange);
  else {
    if (bytes !== 0) exchange.body = undefined;
    exchange.proceed();
  }
}

/** Returns the size of the largest body that both the endpoint and its organization allow. */
export const bodyLimitOf = ({ spec, org }: ServedEndpoint): number =>
  Math.min(spec.bodyLimitBytes, org.limits.bodyBytes);

export function bodyTooLarge(endpoint: ServedEndpoint): FaasError {
  const { spec, org } = endpoint;
  const source =
    org.limits.bodyBytes < spec.bodyLimitBytes
      ? `that is the limit of the organization "${org.name}"`
      : '"faas deploy --body-limit" sets it';
  return new FaasError(
    "BODY_TOO_LARGE",
    `Expected a body of at most ${sizeText(bodyLimitOf(endpoint))}, got more; ${source}`,
  );
}

const sizeText = (bytes: number) => (/^\d+$/.test(formatSize(bytes)) ? `${bytes} bytes` : formatSize(bytes));

function readSmall(exchange: RoutedExchange): void {
  let body = "";
  exchange.request.readBody({
    data(bytes) {
      body += bytes.toString("latin1");
      return true;
    },
    end() {
      if (exchange.finished) return;
      exchange.body = body;
      exchange.proceed();
    },
  });
}
