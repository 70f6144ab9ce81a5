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

export interface GatewayDeps {
  readonly endpoints: Endpoints;
  readonly metrics: RequestMetrics;
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
    const status = exchange.response.headersSent ? exchange.response.statusCode : 499;
    deps.metrics.record(endpoint, status, performance.now() - exchange.arrived, exchange.cold);
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

function suspend(replica: LiveReplica, resumed: () => void): void {
  replica.suspended = true;
  setTimeout(() => {
    replica.suspended = false;
    resumed();
  }, SUSPENDED_MS).unref();
}
