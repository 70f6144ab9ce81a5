import type { IncomingMessage, ServerResponse } from "node:http";
import { FaasError } from "@faas/core";
import { admit } from "./admit.ts";
import type { Endpoints, LiveReplica } from "./endpoints.ts";
import { Exchange } from "./exchange.ts";
import { forward, Unsent } from "./forward.ts";
import type { RequestMetrics } from "./metrics.ts";
import { route } from "./route.ts";
import { place } from "./wake.ts";

const ATTEMPTS_MOST = 5;
/** A replica that refused a connection is left alone for so long. */
const SUSPENDED_MS = 200;

/** One answered request, for whoever wants to show it. */
export interface RequestReport {
  readonly method: string;
  /** As the function sees it. */
  readonly path: string;
  readonly status: number;
  readonly durationMs: number;
  readonly cold: boolean;
}

export interface GatewayDeps {
  readonly endpoints: Endpoints;
  readonly metrics: RequestMetrics;
  readonly onRequest?: (report: RequestReport) => void;
}

/** The data path. Its stages, outermost first: route -> authorize -> admit -> wake and pick -> forward -> record. */
export function createGateway(deps: GatewayDeps): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const exchange = new Exchange(request, response);
    invoke(exchange, deps).catch((error) => exchange.refuse(error));
  };
}

async function invoke(exchange: Exchange, deps: GatewayDeps): Promise<void> {
  Object.assign(exchange, route(exchange.request.url ?? "/", deps.endpoints));
  authorize(exchange);
  const { endpoint } = exchange;
  endpoint.lastRequestMs = Date.now();
  try {
    await admit(exchange);
    await send(exchange, deps.endpoints);
  } catch (error) {
    exchange.refuse(error);
  } finally {
    record(exchange, deps);
  }
}

/** Lets all pass: there are no keys yet. */
function authorize(_exchange: Exchange): void {}

/** To a replica that has a place, and to another one when it turns out to be gone. */
async function send(exchange: Exchange, endpoints: Endpoints): Promise<void> {
  const { endpoint } = exchange;
  for (let retry = false; ; retry = true) {
    const replica = await place(exchange, endpoints, retry);
    try {
      return await forward(exchange, replica);
    } catch (error) {
      if (!(error instanceof Unsent)) throw error;
      if (exchange.attempts >= ATTEMPTS_MOST) {
        throw new FaasError("REPLICA_FAILED", `No replica of ${endpoint.key} took the request: ${error.message}`, {
          cause: error,
        });
      }
      suspend(replica, () => endpoint.serve());
    } finally {
      endpoint.release(replica, Date.now());
    }
  }
}

function record(
  { request, response, endpoint, target, arrived, cold }: Exchange,
  { metrics, onRequest }: GatewayDeps,
): void {
  // 499, as nginx has it: the client went away before there was an answer.
  const status = response.headersSent ? response.statusCode : 499;
  const durationMs = performance.now() - arrived;
  metrics.record(endpoint, status, durationMs, cold);
  onRequest?.({ method: request.method ?? "", path: target, status, durationMs, cold });
}

function suspend(replica: LiveReplica, resumed: () => void): void {
  replica.suspended = true;
  setTimeout(() => {
    replica.suspended = false;
    resumed();
  }, SUSPENDED_MS).unref();
}
