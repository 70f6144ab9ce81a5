import { readFileSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import type { Server } from "node:http";
import type { Server as SecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import {
  DEFAULT_CONCURRENT_REQUESTS,
  DEFAULT_PORT,
  FaasError,
  isLoopback,
  limitNumbers,
  type Platform,
  parseVerifier,
  type Registry,
  type ServerConfig,
} from "@faas/core";
import type { ConnectionLimits } from "@faas/gateway";
import {
  Certificate,
  type CertificateFiles,
  createGateway,
  createHttpServer,
  EndpointRegistry,
  type RequestReport,
  tlsOptions,
} from "@faas/gateway";
import { EmbeddedPlatform, type IsolationMode } from "@faas/platforms";
import { type DestinationStream, type Logger, pino } from "pino";
import { AuditLog, keyMadeHere } from "./audit/audit-log.ts";
import { KeyService } from "./auth/key-service.ts";
import { Autoscaler } from "./autoscaler/loop.ts";
import { BundleAccess } from "./bundles/bundle-access.ts";
import { BundleStore } from "./bundles/bundle-store.ts";
import { StorageQuota } from "./bundles/storage-quota.ts";
import { createApp } from "./control-api/app.ts";
import { DeploymentController } from "./deployments/controller.ts";
import { allowedImages } from "./deployments/image-policy.ts";
import { QuotaCheck } from "./deployments/quota-check.ts";
import { Metrics } from "./metrics/metrics.ts";
import { SecretService } from "./secrets/secret-service.ts";
import { DataDirLock } from "./state/data-dir-lock.ts";
import { instanceOf } from "./state/instance-id.ts";
import { bundlesOf } from "./state/state.ts";
import { Store } from "./state/store.ts";

export interface ServerOptions {
  /** 127.0.0.1. */
  readonly host?: string;
  /** 8887; 0 takes a free one. */
  readonly port?: number;
  /** State, bundles and logs. */
  readonly dataDir: string;
  /** HTTPS, with this certificate; HTTP without. */
  readonly tls?: CertificateFiles;
  /** Whether keys are required; true, except on an address that only this machine reaches. */
  readonly auth?: boolean;
  /** A file with the id and the hash of an admin key (`formatVerifier`), for who keeps the key elsewhere. */
  readonly adminKeyFile?: string;
  /** Registries and repositories that images may come from, as prefixes in which {org} is the organization; `*`: all. */
  readonly allowImages?: readonly string[];
  /** How long to wait for a server on another host that has the data folder and may be ending; 0. */
  readonly lockTimeoutMs?: number;
  /** On this machine: blank processes of each runtime that are kept for the next cold start; 0. */
  readonly poolSize?: number;
  /** On this machine: whether functions are kept from the server's files and processes; auto. */
  readonly isolation?: IsolationMode;
  /** On this machine: files and folders beside the system's that functions may read. */
  readonly readable?: readonly string[];
  /** Runs replicas in a cluster; absent: as child processes of this one. */
  readonly kubernetes?: KubernetesServerOptions;
  /** How many clients may be connected; by default, what fits into the files that may be open. */
  readonly connections?: Partial<ConnectionLimits>;
  /** A level of pino's, or silent; info. */
  readonly logLevel?: string;
  /** Where log lines go; stderr. */
  readonly logTo?: DestinationStream;
  /** The largest bundle, in bytes; 512 MiB. */
  readonly bundleLimitBytes?: number;
  /** Told of every answered invocation: for `faas dev`. */
  readonly onRequest?: (report: RequestReport) => void;
}

export interface KubernetesServerOptions {
  /** Where images go and come from. */
  readonly registry?: Registry;
  /** CPU limit while a replica starts. */
  readonly startupCpuMillis?: number;
  /** Time for a replica to start; 60 s. */
  readonly startSeconds?: number;
  /** Namespace of this server, when it runs in the cluster. */
  readonly namespace?: string;
  /** A context of the kubeconfig; the current one. */
  readonly context?: string;
}

export interface RunningServer {
  readonly url: string;
  readonly port: number;
  readonly dataDir: string;
  /** Whether keys are required. */
  readonly auth: boolean;
  /** The token of the admin key that was made at this start, because there was none. Nobody can be shown it again. */
  readonly adminToken?: string;
  /** Serves a folder as the bundle of a digest, without a copy: for `faas dev`. */
  readonly bundles: BundleStore;
  /** Finishes what is in flight, for 10 s at most, and ends every replica. */
  stop(): Promise<void>;
  /** Rejects, with STATE_LOCKED, when another server has taken the data folder over: then this one has to be stopped. Never resolves. */
  readonly lost: Promise<never>;
}

const DRAIN_MS = 10_000;
const NO_TRAIL = "the audit trail could not be written";
const SWEEP_MS = 50;
const COLLECT_MS = 600_000;
const version: string = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).version;

/** Starts the control server. Rejects with STATE_LOCKED, STATE_DAMAGED, PORT_IN_USE, CERTIFICATE_INVALID, ISOLATION_UNAVAILABLE, CLUSTER_*. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const dataDir = resolve(options.dataDir);
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const log = pino(
    { level: options.logLevel ?? "info", base: null },
    options.logTo ?? pino.destination({ dest: 2, sync: false }),
  );
  const lock = await DataDirLock.take(dataDir, {
    timeoutMs: options.lockTimeoutMs ?? 0,
    onWait: (message) => log.info({ dataDir }, `waiting: ${message}`),
  });
  try {
    return await start(options, dataDir, lock, log);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function start(options: ServerOptions, dataDir: string, lock: DataDirLock, log: Logger): Promise<RunningServer> {
  const { host = "127.0.0.1", port = DEFAULT_PORT } = options;
  const { auth = !isLoopback(host) } = options;
  const fixed = options.adminKeyFile === undefined ? undefined : await readVerifier(options.adminKeyFile);
  const certificate = options.tls === undefined ? undefined : await Certificate.open(options.tls, logOf(log));
  const lost = Promise.withResolvers<never>();
  lost.promise.catch(() => {}); // Not everybody asks.
  lock.keep((error) => {
    log.fatal(error.message);
    lost.reject(error);
  });
  const store = await Store.open(dataDir, {
    assertLockHeld: () => lock.verify(),
    onTrouble: (error) => log.warn({ err: error }, "the journal of the state could not be made smaller; later again"),
  });
  const bundles = new BundleStore(dataDir, options.bundleLimitBytes ?? 512 * 2 ** 20);
  const platform = await startPlatform(options, dataDir, bundles, store, log);
  const defaultLimits = { concurrentRequests: DEFAULT_CONCURRENT_REQUESTS, ...platform.defaultLimits };
  const limitsOf = (org: string) => limitNumbers(store.org(org)?.limits ?? {}, defaultLimits);
  const metrics = new Metrics();
  const endpoints: EndpointRegistry = new EndpointRegistry({
    platform,
    log,
    limitsOf,
    onAwake: () => scaling.resume(),
    onRemoved: (endpoint) => metrics.forget(endpoint),
  });
  const grants = new BundleAccess(store);
  const bundleRoom = new StorageQuota({ store, bundles, grants, limitsOf });
  const limits = new QuotaCheck(store, limitsOf);
  metrics.observe(endpoints);
  const scaling = new Autoscaler(endpoints);
  const deployments = new DeploymentController({ store, platform, endpoints, bundles, limits, bundleRoom, log });
  const secrets = new SecretService({ store, platform, deployments, log });
  const keys = new KeyService({ store, ...(fixed ? { fixed } : {}) });
  const audit = new AuditLog(dataDir);
  const ending = new AbortController();
  const config: ServerConfig = {
    version,
    platform: platform.name,
    accepts: platform.accepts,
    scalers: platform.scalers,
    ...(options.kubernetes?.registry ? { registry: options.kubernetes.registry } : {}),
    bundleLimitBytes: bundles.limitBytes,
    ...(platform.isolation === undefined ? {} : { isolation: platform.isolation }),
  };
  const stopping = () => ending.signal.aborted;
  const app = createApp({
    store,
    bundles,
    grants,
    bundleRoom,
    defaultLimits,
    keys,
    isAuth: auth,
    isLocal: isLoopback(host),
    audit,
    allowedImages: allowedImages(options.allowImages, options.kubernetes?.registry, auth),
    deployments,
    secrets,
    endpoints,
    platform,
    metrics,
    config,
    log,
    stopping,
    ending: ending.signal,
  });
  const gateway = createGateway({
    endpoints,
    metrics,
    hasOrg: (org) => store.hasOrg(org),
    notReady: () => platform.notReady,
    ...(auth ? { keys } : {}),
    ...(options.onRequest ? { onRequest: options.onRequest } : {}),
  });
  let adminToken: string | undefined;
  const server = createHttpServer(app.callback(), gateway, { pair: certificate?.pair, limits: options.connections });
  try {
    // Before the first request can come: every registered endpoint is known to the gateway and to the platform.
    await deployments.start();
    secrets.start();
    await listen(server, host, port);
    if (auth && !keys.hasAdmin()) {
      const made = await keys.create({ scope: "admin", name: "first" });
      adminToken = made.token;
      await audit.write(keyMadeHere("faas up", made.id)).catch((error) => log.error({ err: error }, NO_TRAIL));
    }
  } catch (error) {
    server.close();
    scaling.stop();
    await deployments.stop();
    await platform[Symbol.asyncDispose]();
    await store.close();
    throw error;
  }
  const collect = () =>
    bundles
      .collect(new Set(bundlesOf(Array.from(store.endpoints(), ([, record]) => record))), Date.now())
      .catch((error) => log.warn({ err: error }, "bundles could not be collected"));
  await collect();
  const collecting = setInterval(collect, COLLECT_MS).unref();
  const address = server.address() as AddressInfo;
  certificate?.watch((pair) => (server as SecureServer).setSecureContext(tlsOptions(pair)));
  const url = `${certificate ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${address.port}`;
  await lock.announce(url);
  log.info({ url, dataDir, platform: platform.name, auth }, "listening");
  if (!auth && !isLoopback(host))
    log.warn({ url }, "no keys are required: whoever reaches this address can do everything");

  const stop = async () => {
    ending.abort();
    clearInterval(collecting);
    certificate?.[Symbol.dispose]();
    await close(server);
    scaling.stop();
    await secrets.stop();
    await deployments.stop();
    await platform[Symbol.asyncDispose]();
    await store.close();
    await audit.close();
    await lock.release();
    log.info("stopped");
    await flush(log);
  };
  let stopped: Promise<void> | undefined;
  return {
    url,
    port: address.port,
    dataDir,
    auth,
    ...(adminToken === undefined ? {} : { adminToken }),
    bundles,
    lost: lost.promise,
    stop() {
      stopped ??= stop();
      return stopped;
    },
  };
}

async function startPlatform(
  { kubernetes, poolSize = 0, isolation = "auto", readable = [], tls }: ServerOptions,
  dataDir: string,
  bundles: BundleStore,
  store: Store,
  log: Logger,
): Promise<Platform> {
  if (!kubernetes) {
    return new EmbeddedPlatform({
      dataDir,
      bundleFolder: (digest) => bundles.folder(digest),
      poolSize,
      isolation,
      readable,
      ...(tls === undefined ? {} : { hidden: [tls.key] }),
      log: logOf(log),
    });
  }
  // Its client is large: who runs functions on one machine does not pay for it.
  const { KubernetesPlatform } = await import("@faas/platforms/kubernetes");
  const { startupCpuMillis, startSeconds, namespace, context } = kubernetes;
  return KubernetesPlatform.connect({
    dataDir,
    instance: namespace ?? (await instanceOf(dataDir)),
    ...(startupCpuMillis === undefined ? {} : { startupCpuMillis }),
    ...(startSeconds === undefined ? {} : { startSeconds }),
    ...(namespace === undefined ? {} : { serverNamespace: namespace }),
    ...(context === undefined ? {} : { context }),
    // Who starts one for the first time is told at once what is wrong; one that has something to serve, or is started by the cluster, waits for it.
    patient: namespace !== undefined || [...store.orgs()].length > 0,
    log,
  });
}

async function readVerifier(file: string) {
  const verifier = parseVerifier(await readFile(file, "utf8"));
  if (verifier) return verifier;
  throw new FaasError("USAGE", `Expected ${file} to hold the id and the SHA-256 of an admin key, "ID:HASH"`);
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((done, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EADDRINUSE") return reject(error);
      reject(
        new FaasError(
          "PORT_IN_USE",
          `Another program listens on ${host}:${port}; choose another port with --port, or 0 for a free one`,
          { cause: error },
        ),
      );
    });
    server.listen(port, host, done);
  });
}

async function close(server: Server): Promise<void> {
  const timer = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  // A connection that is kept alive is idle only once its answer is sent, and nothing tells when.
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
  await new Promise((done) => {
    server.close(done);
    server.closeIdleConnections();
  });
  clearTimeout(timer);
  clearInterval(sweep);
}

const logOf = (log: Logger) => ({
  info: (message: string) => log.info(message),
  warn: (message: string) => log.warn(message),
});

const flush = (log: Logger) => new Promise<void>((done) => log.flush(() => done()));
