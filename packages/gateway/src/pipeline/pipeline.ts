import { type IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { FaasError } from "@faas/core";
import type { EndpointRegistry } from "../endpoints/registry.ts";
import type { Answering } from "../http/connection-manager.ts";
import type { RequestMetrics } from "../metrics/request-metrics.ts";
import { acquireSlot } from "./acquire-slot.ts";
import { activate } from "./activate.ts";
import { admit } from "./admit.ts";
import { authorize } from "./authorize.ts";
import { Exchange, type Stage } from "./exchange.ts";
import { FairQueue, queueFairly } from "./fair-queue.ts";
import { forward } from "./forward.ts";
import type { KeyVerifier } from "./key-verifier.ts";
import { type RequestReport, recordMetrics } from "./record-metrics.ts";
import { route } from "./route.ts";

export type { RequestReport } from "./record-metrics.ts";

export interface GatewayDeps {
  readonly endpoints: EndpointRegistry;
  readonly metrics?: RequestMetrics;
  /** Absent: everybody may call everything. */
  readonly keys?: KeyVerifier;
  readonly onRequest?: (report: RequestReport) => void;
  /** Whether an organization is registered; by default, whether it has an endpoint. */
  readonly hasOrg?: (org: string) => boolean;
  /** Why no replica can be started yet, for requests that would need one. */
  readonly notReady?: () => FaasError | undefined;
  /** Requests of one endpoint that may wait; 10,000. */
  readonly waitingLimit?: number;
  /** The longest time that a request waits for a replica to start or for a place on one; 65 s: later than a platform gives up. */
  readonly waitMs?: number;
}

/** Listeners for the events of a `node:http` server. */
export interface Gateway {
  request(request: IncomingMessage, response: ServerResponse): Answering;
  /** A request with `Expect: 100-continue`: it is told to go on when its body is wanted. */
  checkContinue(request: IncomingMessage, response: ServerResponse): Answering;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

/** The data path. */
export function createGateway(deps: GatewayDeps): Gateway {
  const { endpoints, waitingLimit = 10_000, waitMs = 65_000, hasOrg = (org) => endpoints.hasOrg(org) } = deps;
  const { notReady = () => undefined } = deps;
  // Outermost first.
  const stages: readonly Stage[] = [
    route(endpoints, hasOrg, deps.keys),
    authorize(deps.keys),
    admit(waitingLimit, deps.metrics),
    queueFairly(new FairQueue()),
    activate(endpoints, waitMs, notReady),
    acquireSlot(waitMs),
    forward,
    recordMetrics(deps.metrics, deps.onRequest),
  ];
  return {
    request(request, response) {
      const exchange = new Exchange(stages, request, response);
      exchange.proceed();
      return exchange;
    },
    checkContinue(request, response) {
      const exchange = new Exchange(stages, request, response);
      exchange.expectsContinue = true;
      exchange.proceed();
      return exchange;
    },
    upgrade(request, socket, head) {
      const exchange = new Exchange(stages, request, responseOn(socket, request));
      if (isWebSocket(request)) exchange.upgrade = { protocol: "websocket", socket, head };
      exchange.proceed();
    },
  };
}

/**
 * Only WebSockets (RFC 6455) are passed on; who asks for anything else, HTTP/2 for instance, is answered in HTTP/1.1. They begin with a GET without a
 * body: of another request the body could be taken for the first bytes of the new protocol.
 */
export function isWebSocket({ method, headers }: IncomingMessage): boolean {
  if (headers.upgrade?.toLowerCase() !== "websocket" || method !== "GET") return false;
  return headers["transfer-encoding"] === undefined && (headers["content-length"] ?? "0") === "0";
}

/** For the answer to a client whose upgrade does not come about: node:http makes none for these. */
function responseOn(socket: Duplex, request: IncomingMessage): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket as Parameters<ServerResponse["assignSocket"]>[0]);
  socket.on("error", () => socket.destroy());
  socket.on("drain", () => response.emit("drain"));
  response.once("finish", () => socket.end());
  return response;
}
