import type { Server as SecureServer } from "node:https";
import { setTimeout as delay } from "node:timers/promises";
import { FaasError, type Logger } from "@faas/core";
import { CallsLink } from "../async-calls/calls-link.ts";
import type { ConnectionLimits } from "../http/connection-limits.ts";
import { createHttpServer, type HttpServer } from "../http/server.ts";
import type { CertificateFiles } from "../http/tls-certificate.ts";
import { CertificateSet } from "../http/tls-certificate-set.ts";
import { createGateway, type DeliveringGateway, type Gateway } from "../pipeline/pipeline.ts";
import type { Tracing } from "../traces/tracing.ts";
import type { GatewayView } from "../view/options.ts";
import { collectGarbage } from "./collect-garbage.ts";
import type { ControlAddress } from "./control-address.ts";
import { controlProxy } from "./control-proxy.ts";
import { type DrainOptions, drain } from "./drain.ts";
import { GatewayMetrics } from "./gateway-metrics.ts";
import { gatewayRoutes } from "./gateway-routes.ts";
import { gatewayWithoutView, noView } from "./gateway-without-view.ts";
import { listenOn } from "./listen-on.ts";
import { distributeConnections } from "./steer-connections.ts";

export interface GatewayProcessOptions {
  /** Name of the gateway, unique among those of its control server. */
  readonly name: string;
  /** Version of the program. */
  readonly version: string;
  /** Not started yet. */
  readonly view: GatewayView;
  /**
   * Resolves when calls can be served.
   *
   * @defaultValue when the view is complete
   */
  readonly ready?: Promise<void>;
  readonly control: ControlAddress;
  /** Returns the token of the gateways; needed except on a Unix socket. */
  readonly token?: (() => string) | undefined;
  readonly host: string;
  readonly port: number;
  /** Listening socket that this process inherited; it replaces host and port. */
  readonly socket?: { readonly fd: number } | undefined;
  /** Number of gateways of this machine that share the port: then this one listens only when it can serve calls. Absent: the port is its own. */
  readonly reusePort?: number | undefined;
  /** Certificates for HTTPS; HTTP without. */
  readonly tls: readonly CertificateFiles[];
  readonly connections?: Partial<ConnectionLimits>;
  /** Record a line for each call. */
  readonly accessLog: boolean;
  /** Traces of calls, which end with this gateway. Absent: calls are not traced. */
  readonly tracing?: Tracing | undefined;
  readonly log: Logger;
}

/** Gateway that accepts connections. */
export interface RunningGateway {
  readonly port: number;
  /** Lets the kernel distribute new connections over all gateways again, after others that shared the port have ended. */
  distributeConnections(): void;
  /** Finishes the requests in flight, for a limited time, and ends the link to the control server. */
  stop(options?: DrainOptions): Promise<void>;
}

/** Time between the polite end of WebSockets and the end of all connections. */
const CLOSE_MS = 1_000;
const FINISH_MS = 10_000;
/** Time from the first snapshot to the collection of its garbage. */
const TRIM_DELAY_MS = 500;
/** Time to wait for a view of the endpoints before connections to an inherited socket are accepted. */
const INHERITED_MS = 3_000;

/**
 * Starts a gateway in this process. It serves calls as soon as it has a view of the endpoints. On a port of its own it listens before that, for probes.
 *
 * @throws PORT_IN_USE, CERTIFICATE_INVALID
 */
export async function startGatewayProcess(options: GatewayProcessOptions): Promise<RunningGateway> {
  const { view, tls, log } = options;
  const certificates = tls.length === 0 ? undefined : await CertificateSet.open(tls, log);
  const ending = new AbortController();
  const state: State = { draining: false, ready: false, gateway: gatewayWithoutView() };
  const { control: address, token } = options;
  const calls = new CallsLink({ address, token, gateway: () => state.delivering, log });
  const metrics = new GatewayMetrics(options.name, options.version, view);
  const server = createServer(options, certificates, metrics, state);
  const ready = (options.ready ?? view.ready()).then(() => {
    state.ready = true;
    state.delivering = gatewayOf(options, metrics, calls, ending.signal);
    state.gateway = state.delivering;
    calls.start();
    // A snapshot leaves garbage of several times its size.
    setTimeout(collectGarbage, TRIM_DELAY_MS).unref();
  });
  view.start();
  let listeningPort: number;
  try {
    if (options.reusePort !== undefined) await ready;
    // Clients wait in the socket already, unless the control server is unavailable.
    else if (options.socket) await Promise.race([ready, delay(INHERITED_MS)]);
    const { host, port, reusePort, socket } = options;
    listeningPort = await listenOn(server, { host, port, reusePort: reusePort !== undefined, socket });
  } catch (error) {
    certificates?.[Symbol.dispose]();
    await view[Symbol.asyncDispose]();
    throw error;
  }
  certificates?.renewIn(server as SecureServer);
  return {
    port: listeningPort,
    distributeConnections: () => void distributeConnections(server),
    async stop(drainOptions = {}) {
      const { idleMs = 0, finishMs = FINISH_MS } = drainOptions;
      state.draining = true;
      view.beginStop();
      const timer = setTimeout(() => ending.abort(), idleMs + Math.max(0, finishMs - CLOSE_MS));
      // While idle connections are served, others listen on the port.
      const sharers = idleMs > 0 ? options.reusePort : undefined;
      await Promise.all([calls.stop(idleMs + finishMs), drain(server, { ...drainOptions, idleMs, finishMs, sharers })]);
      clearTimeout(timer);
      certificates?.[Symbol.dispose]();
      await view[Symbol.asyncDispose]();
      await options.tracing?.[Symbol.asyncDispose]();
      // Ends the idle connections to replicas.
      for (const { spec } of [...view.registry.values()]) view.registry.delete(spec);
    },
  };
}

/** Parts of a gateway that change after its start. */
interface State {
  draining: boolean;
  ready: boolean;
  gateway: Gateway;
  /** Data path for asynchronous calls; absent while no calls can be served. */
  delivering?: DeliveringGateway;
}

function createServer(
  { view, control, token, connections }: GatewayProcessOptions,
  certificates: CertificateSet | undefined,
  metrics: GatewayMetrics,
  state: State,
): HttpServer {
  const routes = gatewayRoutes({
    control: controlProxy({ address: control, token, isAway: () => view.state.link === "away" }),
    notReady: () => {
      if (state.draining) return new FaasError("SERVER_STOPPING", "The gateway is stopping");
      return state.ready ? undefined : noView();
    },
    metrics: () => metrics.text(server.clients.size),
    keys: () => (requiresKeys(view) ? view.keys : undefined),
  });
  const server: HttpServer = createHttpServer(routes, lateBound(state), {
    ...certificates?.serverOptions,
    limits: connections,
  });
  return server;
}

/** Returns a data path that can be replaced while the server runs. */
const lateBound = (state: State): Gateway => ({
  endpointAt: (host) => state.gateway.endpointAt(host),
  request: (client, key) => state.gateway.request(client, key),
  upgrade: (request, socket, head, key) => state.gateway.upgrade(request, socket, head, key),
});

/** Returns whether keys are required; before the control server has been reached, they are. */
const requiresKeys = ({ state }: GatewayView) => state.control?.requiresKeys ?? true;

function gatewayOf(
  { name, view, accessLog, tracing }: GatewayProcessOptions,
  metrics: GatewayMetrics,
  asyncCalls: CallsLink,
  ending: AbortSignal,
): DeliveringGateway {
  return createGateway({
    name,
    endpoints: view.registry,
    metrics: metrics.counting(view.metrics),
    ...(accessLog ? { accessLog: view.accessLog } : {}),
    tracing: tracing?.calls,
    hasOrg: (org) => view.hasOrg(org),
    notReady: () => view.notReady(),
    asyncCalls,
    ending,
    ...(requiresKeys(view) ? { keys: view.keys } : {}),
  });
}
