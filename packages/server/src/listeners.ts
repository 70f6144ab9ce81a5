import type { RequestListener } from "node:http";
import type { Server as SecureServer } from "node:https";
import { DEFAULT_PORT, type Logger, type Platform } from "@faas/core";
import {
  type AsyncCallAcceptor,
  type CertificateSet,
  createGateway,
  createHttpServer,
  distributeConnections,
  drain,
  type EndpointRegistry,
  type KeyVerifier,
  type Tracing,
} from "@faas/gateway";
import { CallsSessions } from "./async-calls/calls-sessions.ts";
import type { Deliver } from "./async-calls/deliveries.ts";
import { GatewayProcesses } from "./gateway-processes/gateway-processes.ts";
import { recordsFolder } from "./gateway-processes/orphan-gateways.ts";
import type { GatewayGroup } from "./gateways/group.ts";
import { ControlListener } from "./gateways/listener.ts";
import { controlAddress } from "./gateways/start-gateways.ts";
import type { DisposerStack } from "./lib/disposer-stack.ts";
import { socketFolder } from "./lib/socket-path.ts";
import { listen } from "./listen.ts";
import type { AccessLogWriter } from "./logs/access-log.ts";
import type { Metrics } from "./metrics/metrics.ts";
import { certificatesIn, type RunningServer, type ServerOptions } from "./options.ts";
import type { Store } from "./state/store.ts";
import { workDirOf } from "./takeover/work-dir.ts";

/** Results of listening. */
interface Listening {
  /** Port for calls; absent if gateways in other processes serve them. */
  readonly port?: number;
  readonly watchCertificates?: () => void;
  readonly gateways?: NonNullable<RunningServer["gateways"]>;
  /** Delivers asynchronous calls. */
  readonly deliver: Deliver;
  /** Distributes connections as before, when a server that shared the port has ended. */
  readonly distributeConnections?: () => void;
}

/** Parts of the server that both ways of listening use. */
interface ListeningContext {
  readonly options: ServerOptions;
  readonly stack: DisposerStack;
  /** Serves the control API. */
  readonly api: RequestListener;
}

/** Listens for gateways in other processes: for their links, for asynchronous calls, and for the requests of the control API that they pass on. */
export async function listenForGateways({
  options,
  stack,
  api,
  dataDir,
  gateways: sessions,
  asyncCalls,
}: ListeningContext & {
  readonly dataDir: string;
  readonly gateways: GatewayGroup;
  readonly asyncCalls: AsyncCallAcceptor;
}): Promise<Listening> {
  const calls = new CallsSessions(asyncCalls);
  const address = await controlAddress(options.gateways ?? {}, dataDir);
  const listener = new ControlListener({
    address,
    app: api,
    accept: (connection) => sessions.accept(connection),
    openCalls: (socket, head) => calls.open(socket, head),
  });
  const port = await listener.listen();
  stack.use(listener);
  // Open links would keep the listener from closing.
  stack.use(sessions);
  stack.use(calls);
  const control = "path" in address ? `unix:${address.path}` : `http://${address.host}:${port}`;
  return {
    gateways: { sessions, control },
    deliver: (delivery, signal, onPart) => calls.deliver(delivery, signal, onPart),
  };
}

interface GatewaysContext extends ListeningContext {
  readonly dataDir: string;
  readonly log: Logger;
  readonly gateways: NonNullable<Listening["gateways"]>;
}

/** Starts the gateways that the options ask for, on the port of the options; `undefined` if others start them. */
export async function runGateways({ options, stack, dataDir, log, gateways }: GatewaysContext) {
  const {
    host = "127.0.0.1",
    port = DEFAULT_PORT,
    predecessor,
    connections,
    accessLog = true,
    logLevel = "info",
  } = options;
  const { processes } = options.gateways ?? {};
  if (processes === undefined) return undefined;
  return stack.use(
    await GatewayProcesses.start({
      ...processes,
      ...gateways,
      ...{ host, port, connections, accessLog, logLevel, log },
      sharedWith: predecessor?.port,
      tls: certificatesIn(options),
      socketFolder: socketFolder(dataDir, "control"),
      recordsFolder: recordsFolder(dataDir),
      workDir: workDirOf(options),
    }),
  );
}

/** Parts of the server that serve calls in its process. */
interface CallsContext extends ListeningContext {
  readonly certificates: CertificateSet | undefined;
  readonly store: Store;
  /** Absent: every endpoint is open to everyone. */
  readonly keys?: KeyVerifier;
  readonly platform: Platform;
  readonly registry: EndpointRegistry;
  readonly metrics: Metrics;
  readonly accessLog: AccessLogWriter | undefined;
  readonly tracing: Tracing | undefined;
  readonly asyncCalls: AsyncCallAcceptor;
  /** Aborted when the server stops. */
  readonly stopping: AbortSignal;
  /** Returns the time for which idle connections are served when the server stops. */
  readonly idleMs: () => number;
}

/** Listens for calls, which a gateway in this process serves, and for requests of the control API. */
export async function listenForCalls(context: CallsContext): Promise<Listening> {
  const { options, stack, api, certificates, store, keys, platform, registry, metrics, accessLog, tracing } = context;
  const { stopping, idleMs, asyncCalls } = context;
  const gateway = createGateway({
    endpoints: registry,
    metrics,
    ...(accessLog ? { accessLog } : {}),
    hasOrg: (org) => store.hasOrg(org),
    notReady: () => platform.notReady,
    tracing: tracing?.calls,
    ending: stopping,
    asyncCalls,
    ...(keys ? { keys } : {}),
    ...(options.onRequest ? { onRequest: options.onRequest } : {}),
  });
  const server = createHttpServer(api, gateway, {
    ...certificates?.serverOptions,
    limits: options.connections,
  });
  const { host = "127.0.0.1", predecessor } = options;
  const port = await listen(server, { host, port: options.port ?? DEFAULT_PORT, sharedWith: predecessor?.port });
  stack.defer(() => drain(server, { idleMs: idleMs(), sharers: idleMs() > 0 ? 1 : undefined }));
  const watchCertificates = () => certificates?.renewIn(server as SecureServer);
  return {
    port,
    deliver: gateway.deliver,
    watchCertificates,
    distributeConnections: () => void distributeConnections(server),
  };
}
