import { type IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { FaasError } from "@faas/core";
import type { AsyncCallAcceptor } from "../async-calls/acceptor.ts";
import { type Delivery, type DeliveryResponse, type PartListener, RecordedCall } from "../async-calls/recorded-call.ts";
import type { EndpointRegistry } from "../endpoints/registry.ts";
import type { ClientCall } from "../http/call/client-call.ts";
import { NodeCall } from "../http/call/node-call.ts";
import type { Responder } from "../http/client-connection.ts";
import type { KeyVerifier } from "../keys/key-verifier.ts";
import type { AccessLog } from "../metrics/access-log.ts";
import type { RequestMetrics } from "../metrics/request-metrics.ts";
import type { TracedStage } from "../traces/call-trace.ts";
import type { CallTracing } from "../traces/tracing.ts";
import { WebSocketTunnels } from "../websocket/tunnel.ts";
import { acquireSlot } from "./acquire-slot.ts";
import { activate } from "./activate.ts";
import { admit } from "./admit.ts";
import { authorize } from "./authorize.ts";
import { chooseVariant } from "./choose-variant.ts";
import { defer } from "./defer.ts";
import { Exchange, type Pipeline, type Stage, type StageName, type StageNode } from "./exchange.ts";
import { FairQueue, queueFairly } from "./fair-queue.ts";
import { forward } from "./forward.ts";
import { type RequestReport, recordMetrics } from "./record-metrics.ts";
import { redirectSite } from "./redirect-site.ts";
import { route } from "./route.ts";

export type { RequestReport } from "./record-metrics.ts";

export interface GatewayDeps {
  /** Name of this gateway, where there are several: callers see it in `Server-Timing`. */
  readonly name?: string;
  readonly endpoints: EndpointRegistry;
  readonly metrics?: RequestMetrics;
  /** Without it calls are not logged. */
  readonly accessLog?: AccessLog;
  /** Records the traces of calls. Without it they are passed on. */
  readonly tracing?: CallTracing | undefined;
  /** Checks the keys of callers. Without it every endpoint is open to everyone. */
  readonly keys?: KeyVerifier;
  readonly onRequest?: (report: RequestReport) => void;
  /** Returns whether an organization is registered. @defaultValue whether it has an endpoint */
  readonly hasOrg?: (org: string) => boolean;
  /** Returns why no replica can be started yet, for requests that need one. */
  readonly notReady?: () => FaasError | undefined;
  /** Requests of one endpoint that may wait. @defaultValue 10,000 */
  readonly waitingLimit?: number;
  /** Longest time that a request waits for a slot, including the start of a replica. @defaultValue 65 s: later than a platform gives up */
  readonly waitMs?: number;
  /** Accepts asynchronous calls. Without it every call is synchronous. */
  readonly asyncCalls?: AsyncCallAcceptor | undefined;
  /** Aborted when the server stops: open WebSockets are closed. */
  readonly ending?: AbortSignal;
}

/** The data path, as the server of the port uses it. */
export interface Gateway {
  /** Returns the key, "org/endpoint", of the endpoint that a host belongs to; `undefined` if the path names the endpoint. */
  endpointAt(host: string): string | undefined;
  /** @param key as `endpointAt` returned it */
  request(client: ClientCall, key: string | undefined): Responder;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, key: string | undefined): void;
}

/** The data path, as the server of the port and the deliveries of asynchronous calls use it. */
export interface DeliveringGateway extends Gateway {
  /**
   * Makes a call of the server, which was authorized already: unless it is awaited, behind all others that wait for a slot. Aborting ends it without a
   * response.
   */
  deliver(delivery: Delivery, signal: AbortSignal, onPart?: PartListener): Promise<DeliveryResponse>;
}

/** Creates the data path. */
export function createGateway(deps: GatewayDeps): DeliveringGateway {
  const pipeline = createPipeline(deps);
  return {
    endpointAt: (host) => deps.endpoints.hosts.find(host),
    request(client, key) {
      const exchange = new Exchange(pipeline, client, key);
      exchange.start();
      return exchange;
    },
    upgrade(request, socket, head, key) {
      const response = responseOn(socket, request);
      const exchange = new Exchange(pipeline, new NodeCall(request, response), key);
      const detach = () => response.detachSocket(socket as Parameters<typeof response.detachSocket>[0]);
      if (isWebSocket(request)) exchange.upgrade = { protocol: "websocket", socket, head, detach };
      exchange.start();
    },
    deliver(delivery, signal, onPart) {
      const call = new RecordedCall(delivery, onPart);
      const origin = delivery.isAwaited ? "server" : "queue";
      const exchange = new Exchange(pipeline, call, deps.endpoints.hosts.find(delivery.request.host), origin);
      exchange.revisionName = delivery.request.revision;
      const response = call.responseOf(exchange, signal);
      exchange.start();
      return response;
    },
  };
}

/** Builds the way of a request: `route` first, then the stages in the order in which they are written here, `record` at the end of every routed request. */
function createPipeline(deps: GatewayDeps): Pipeline {
  const { endpoints, keys, metrics, accessLog, onRequest, waitingLimit = 10_000, waitMs = 65_000 } = deps;
  const { ending, tracing } = deps;
  const { hasOrg = (org) => endpoints.hasOrg(org), notReady = () => undefined } = deps;
  const record = recordMetrics(metrics, accessLog, onRequest);
  const stages = {
    authorize: authorize(keys),
    chooseVariant: chooseVariant(endpoints),
    redirectSite: redirectSite(),
    admit: admit(waitingLimit, metrics),
    defer: defer(deps.asyncCalls),
    queueFairly: queueFairly(new FairQueue()),
    activate: activate(endpoints, waitMs, notReady),
    acquireSlot: acquireSlot(waitMs),
    forward: forward(endpoints, new WebSocketTunnels(ending)),
  };
  const nodes = linkStages(stages);
  return {
    route: route(endpoints, hasOrg, keys),
    first: nodes.authorize,
    firstTraced: linkStages(stages, (name, run) => (isTracedStage(name) ? tracedStage(name, run) : run)).authorize,
    stages: nodes,
    record: tracing === undefined ? record : recordTrace(tracing, record),
    beginTrace: tracing?.begin,
    timingSuffix: deps.name === undefined ? "" : `, gateway;desc=${deps.name}`,
  };
}

/** Records the trace of a call, if it has one, after everything else. */
function recordTrace(tracing: CallTracing, record: Stage): Stage {
  return (exchange) => {
    record(exchange);
    if (exchange.trace !== undefined) tracing.finish(exchange, exchange.trace);
  };
}

const isTracedStage = (name: string): name is TracedStage =>
  name === "admit" || name === "queueFairly" || name === "activate";

/** Makes a stage record when a traced call enters it first. */
function tracedStage(name: TracedStage, run: Stage): Stage {
  return (exchange) => {
    exchange.trace?.enter(name);
    run(exchange);
  };
}

/** Links each stage, as `wrap` returns it, with the one written after it. */
function linkStages(
  stages: Readonly<Record<StageName, Stage>>,
  wrap: (name: string, run: Stage) => Stage = (_, run) => run,
): Readonly<Record<StageName, StageNode>> {
  const nodes: Partial<Record<string, StageNode>> = {};
  let next: StageNode | undefined;
  for (const [name, run] of Object.entries(stages).reverse()) {
    next = { run: wrap(name, run), next };
    nodes[name] = next;
  }
  return nodes as Record<StageName, StageNode>;
}

/**
 * Tells whether a request opens a WebSocket (RFC 6455), the only protocol that is passed on; offers of others, such as HTTP/2, are answered in HTTP/1.1. A
 * WebSocket begins with a GET without a body: the body of another request could be mistaken for the first bytes of the new protocol.
 */
export function isWebSocket({ method, headers }: IncomingMessage): boolean {
  if (headers.upgrade === undefined || method !== "GET") return false;
  // A list of protocols (RFC 9110 section 7.8).
  if (!/(?:^|,)[ \t]*websocket[ \t]*(?:,|$)/i.test(headers.upgrade)) return false;
  return headers["transfer-encoding"] === undefined && (headers["content-length"] ?? "0") === "0";
}

/** Creates the response to a client whose upgrade fails: `node:http` creates none for upgrades. */
function responseOn(socket: Duplex, request: IncomingMessage): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket as Parameters<ServerResponse["assignSocket"]>[0]);
  socket.on("error", () => socket.destroy());
  socket.on("drain", () => response.emit("drain"));
  response.once("finish", () => socket.end());
  return response;
}
