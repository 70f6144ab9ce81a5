import { readFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { join, resolve } from "node:path";
import {
  DEFAULT_LIMITS,
  DEFAULT_PORT,
  type EndpointRef,
  type EndpointSpec,
  isLoopback,
  limitNumbers,
  type Platform,
} from "@faas/core";
import { EndpointRegistry, OutlierDetector, openTracing, StatusSync } from "@faas/gateway";
import { pino } from "pino";
import type { Deliver } from "./async-calls/deliveries.ts";
import { createAsyncCalls, startDeliveries } from "./async-calls/start-async-calls.ts";
import { createFirstKey } from "./auth/first-key.ts";
import { CpuScaler } from "./autoscaler/cpu-scaler.ts";
import { Autoscaler } from "./autoscaler/loop.ts";
import { WarmSchedule } from "./autoscaler/warm-schedule.ts";
import { BundleAccess } from "./bundles/bundle-access.ts";
import { BundleCollector } from "./bundles/bundle-collector.ts";
import { StorageQuota } from "./bundles/storage-quota.ts";
import { CanaryService } from "./canary/canary-service.ts";
import { createApp } from "./control-api/app.ts";
import { Admission } from "./deployments/admission.ts";
import { DeploymentController } from "./deployments/controller.ts";
import { FailedFirstCleanup } from "./deployments/failed-first-cleanup.ts";
import { allowedImages } from "./deployments/image-policy.ts";
import { QuotaCheck } from "./deployments/quota-check.ts";
import { ServerEvents } from "./events/server-events.ts";
import type { GatewayGroup } from "./gateways/group.ts";
import { ReportIntake } from "./gateways/report-intake.ts";
import { startGateways } from "./gateways/start-gateways.ts";
import { startImageFollow } from "./image-follow/start-image-follow.ts";
import { DisposerStack } from "./lib/disposer-stack.ts";
import { KeyedMutex } from "./lib/keyed-mutex.ts";
import { listenForCalls, listenForGateways, runGateways } from "./listeners.ts";
import { AccessLogWriter } from "./logs/access-log.ts";
import { createMcp } from "./mcp/create-mcp.ts";
import { Metrics } from "./metrics/metrics.ts";
import { openStorage, type Startup, type Storage } from "./open-storage.ts";
import type { RunningServer, ServerOptions } from "./options.ts";
import { createSchedules } from "./schedules/create-schedules.ts";
import { SecretService } from "./secrets/secret-service.ts";
import { serverConfig } from "./server-config.ts";
import { startPlatform } from "./start-platform.ts";
import { ControlGate } from "./takeover/control-gate.ts";
import { startReplicas } from "./takeover/start-replicas.ts";
import { workDirOf } from "./takeover/work-dir.ts";
import { RecentCalls } from "./traces/recent-calls.ts";
import { RolloutSpans } from "./traces/rollout-spans.ts";
import { createTriggers } from "./triggers/create-triggers.ts";
import { createSources } from "./triggers/sources/create-sources.ts";
import { Previews } from "./variants/preview.ts";
import { TrafficService } from "./variants/traffic-service.ts";
import { type PublishedListener, Variants } from "./variants/variants.ts";

const version: string = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).version;

/** Time for which a replaced server still serves new and idle connections. */
const REPLACED_IDLE_MS = 1_000;

/** Observer of a start. */
export interface StartHooks {
  /** Called before each step; an error fails the start there. */
  readonly beforeStep?: (name: string) => void;
}

/**
 * Starts the control server. If a step fails, the previous ones are undone in reverse order, as when the server stops.
 *
 * @throws STATE_LOCKED, STATE_DAMAGED, PORT_IN_USE, CERTIFICATE_INVALID, ISOLATION_UNAVAILABLE, CLUSTER_*
 */
export async function startServer(options: ServerOptions, { beforeStep }: StartHooks = {}): Promise<RunningServer> {
  const stack = new DisposerStack();
  const log = pino(
    { level: options.logLevel ?? "info", base: null },
    options.logTo ?? pino.destination({ dest: 2, sync: false }),
  );
  const tracing = await openTracing(options.env ?? {}, { service: "faas", version }, log);
  // The last of all: what stops may still record spans.
  if (tracing) stack.use(tracing);
  const startup: Startup = {
    options,
    tracing,
    dataDir: resolve(options.dataDir),
    log,
    stack,
    role: new DisposerStack(),
    async step(name, run) {
      beforeStep?.(name);
      return run();
    },
  };
  try {
    const storage = await openStorage(startup);
    const control = await startControl(startup, storage);
    const listening = await serve(startup, storage, control);
    return running(startup, storage, control, listening);
  } catch (error) {
    await stack[Symbol.asyncDispose]().catch((err) => log.error({ err }, "failed to undo the start"));
    throw error;
  }
}

type Control = Awaited<ReturnType<typeof startControl>>;

/** Starts the platform and everything that controls it. Afterwards the gateway and the platform know every registered endpoint. */
async function startControl(startup: Startup, storage: Storage) {
  const { options, dataDir, log, stack, role, step } = startup;
  const { store, bundles, logs } = storage;
  const beforeStop =
    options.gateways && (async (ref: EndpointRef, id: string) => served.gateways?.replicaStopping(ref, id));
  const platform = await step("platform", () =>
    startPlatform(options, { dataDir, bundles, store, logs, log, ...(beforeStop ? { beforeStop } : {}) }),
  );
  stack.use(platform);
  const served = createServedState(startup, storage, platform);
  const { registry, autoscaler, events, gateways, limitsOf, variants, traffic, mutex } = served;
  const bundleAccess = new BundleAccess(store);
  const storageQuota = new StorageQuota({ store, bundles, access: bundleAccess, limitsOf });
  const images = allowedImages(options.allowImages, options.kubernetes?.registry, requiresKeys(options));
  const admission = new Admission({
    store,
    platform,
    bundles,
    storageQuota,
    quota: new QuotaCheck(store, limitsOf),
    allowedImages: images,
    queueUrl: options.queue?.url,
  });
  const onRolloutEnded = (org: string) => secrets.collectLater(org);
  const deployments = new DeploymentController({
    ...{ store, platform, registry, admission, logs, log, mutex, variants, onRolloutEnded },
  });
  const previews = new Previews({ store, admission, deployments, traffic, registry, mutex });
  const calls = served.metrics.canaries;
  const canaries = new CanaryService({ store, registry, previews, deployments, traffic, calls, mutex, log });
  served.onPublished.add((ref, record) => canaries.follow(ref, record));
  const secrets: SecretService = new SecretService({ store, platform, deployments, log });
  for (const each of [deployments, traffic, canaries]) stack.share(each, role);
  await step("deployments", () => deployments.start());
  stack.share(new FailedFirstCleanup({ store, deployments, log }), role);
  const subscribers = [events, deployments, variants, ...(gateways ? [gateways] : []), autoscaler];
  await step("status sync", () => stack.use(new StatusSync({ platform, registry, subscribers })).start());
  stack.share(secrets, role);
  await step("secrets", () => secrets.start());
  const calling = createAsyncCalls({ ...startup, ...storage, ...served });
  const schedules = await step("schedules", () => createSchedules({ ...startup, ...storage, ...served, ...calling }));
  const sources = await step("sources", () => createSources({ ...startup, ...storage, ...served, ...calling }));
  const following = await step("followed tags", () =>
    startImageFollow({ ...startup, ...{ store, deployments, canaries, platform, images } }),
  );
  await step("replicas of the previous server", () => startReplicas(registry, options.predecessor?.replicas ?? []));
  const services = { deployments, previews, canaries, secrets, schedules, sources };
  return { platform, ...served, ...calling, ...following, ...services, bundleAccess, storageQuota };
}

/** Creates what is served: the registry, and everything that follows its endpoints and their calls. */
function createServedState(
  { options, dataDir, log, stack, role, tracing }: Startup,
  storage: Storage,
  platform: Platform,
) {
  const { store, logs, keys } = storage;
  const defaultLimits = { ...DEFAULT_LIMITS, ...platform.defaultLimits };
  const limitsOf = (org: string) => limitNumbers(store.org(org)?.limits ?? {}, defaultLimits);
  const registry: EndpointRegistry<EndpointSpec> = new EndpointRegistry<EndpointSpec>({
    platform,
    log,
    limitsOf,
    onAwake: () => autoscaler.onAwake(),
    onSpec(endpoint) {
      autoscaler.onSpec(endpoint);
      gateways?.specChanged(endpoint);
    },
    onStatus(endpoint) {
      events.statusChanged(endpoint);
      gateways?.statusChanged(endpoint);
    },
    onRejected: (endpoint, error) => gateways?.wakeFailed(endpoint, error),
    onLimited: (endpoint) => variants.releaseWarm(endpoint),
    onRemoved(endpoint) {
      metrics.forget(endpoint);
      events.endpointRemoved(endpoint);
      autoscaler.onRemoved(endpoint);
      gateways?.endpointRemoved(endpoint);
    },
  });
  const mutex = new KeyedMutex();
  const onPublished = new Set<PublishedListener>([(ref, record) => traffic.follow(ref, record)]);
  const variants = new Variants({ platform, registry, log, mutex, onPublished });
  const traffic: TrafficService = new TrafficService({ store, variants, mutex, log });
  const events = stack.share(new ServerEvents({ store, version }), role);
  const metrics = new Metrics(registry);
  const recentCalls = new RecentCalls();
  const accessLog = options.accessLog === false ? undefined : stack.use(new AccessLogWriter(logs, log, recentCalls));
  const gateways: GatewayGroup | undefined =
    options.gateways &&
    startGateways({
      ...{ version, platform, registry, store, keys, limitsOf, log, stack },
      workDir: join(dataDir, workDirOf(options)),
      sendStart: tracing !== undefined,
      reports: new ReportIntake({ registry, metrics, keys, accessLog, onLoad: (each) => autoscaler.onLoad(each) }),
      requiresKeys: requiresKeys(options),
    });
  const autoscaler = stack.use(
    new Autoscaler({
      ...{ registry, log, warm: stack.share(new WarmSchedule(), role) },
      cpu: CpuScaler.for(platform, options.kubernetes?.cpuMaxMillis),
      ...(gateways ? { mayHaveUnseenCalls: () => gateways.mayHaveUnseenCalls } : { outliers: new OutlierDetector() }),
    }),
  );
  return {
    ...{ registry, variants, traffic, mutex, autoscaler, metrics, events, accessLog, recentCalls, gateways, limitsOf },
    ...{ defaultLimits, onPublished },
  };
}

/** Accepts requests. */
async function serve(startup: Startup, storage: Storage, control: Control) {
  const { options, log, stack, role, step } = startup;
  const { host = "127.0.0.1", port: chosenPort = DEFAULT_PORT } = options;
  const { certificates, store, bundles, lock } = storage;
  const stopping = new AbortController();
  const deliver: Deliver = (...delivery) => listener.deliver(...delivery);
  const gate = new ControlGate(createApi(startup, storage, control, { stopping: stopping.signal, deliver }));
  let idleMs = 0;
  const listener = await step("listener", () => {
    const { gateways, asyncCalls } = control;
    if (gateways) return listenForGateways({ ...startup, gateways, asyncCalls, api: gate.listener });
    return listenForCalls({
      ...startup,
      ...control,
      ...{ certificates, store, api: gate.listener, stopping: stopping.signal, idleMs: () => idleMs },
      ...(requiresKeys(options) ? { keys: storage.keys } : {}),
    });
  });
  const { gateways } = listener;
  await step("deliveries", () => startDeliveries({ ...startup, ...storage, ...control }, listener.deliver));
  await step("timer of schedules", () => control.schedules.start());
  await step("messages of sources", () => control.sources.start());
  const processes =
    gateways && (await step("gateways", () => runGateways({ ...startup, api: gate.listener, gateways })));
  const adminToken = await step("first admin key", () =>
    requiresKeys(options) ? createFirstKey({ ...storage, log }) : undefined,
  );
  const collector = stack.share(new BundleCollector(store, bundles, log), role);
  await step("bundle collector", () => collector.start());
  const scheme = certificates ? "https" : "http";
  const port = processes?.port ?? listener.port ?? chosenPort;
  const url = `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`;
  await step("announcement", () => lock.announce(url));
  await step("certificate watch", () => listener.watchCertificates?.());
  // First of all when the server stops: responses that would never end have to.
  stack.defer(() => stopping.abort());
  // First of all when another server takes over: no change may be under way when the store closes.
  role.defer(() => gate.close());
  const distributeConnections = () => (processes ?? listener).distributeConnections?.();
  const onReplaced = () => {
    idleMs = REPLACED_IDLE_MS;
    processes?.drainFor(idleMs);
  };
  return { url, port, adminToken, gate, onReplaced, gateways, distributeConnections };
}

/** Creates the control API. */
function createApi(
  { options, log, tracing, stack }: Startup,
  { audit, store, bundles, keys, logs }: Storage,
  control: Control,
  { stopping, deliver }: { readonly stopping: AbortSignal; readonly deliver: Deliver },
): RequestListener {
  const { platform, registry, asyncCalls } = control;
  const traces = tracing && { spans: tracing.spans, rollouts: stack.use(new RolloutSpans(store, registry)) };
  const app = createApp({
    ...control,
    ...{ traces, store, bundles, keys, audit, logs, log, endpoints: registry, ending: stopping },
    isAuth: requiresKeys(options),
    isLocal: isLoopback(options.host ?? "127.0.0.1"),
    ...createTriggers({ store, platform, asyncCalls, log }),
    mcp: stack.use(createMcp({ store, asyncCalls, deliver, version, log })),
    config: serverConfig(version, options, platform, bundles),
    stopping: () => stopping.aborted,
  });
  return app.callback();
}

function running(
  { options, dataDir, log, stack, role }: Startup,
  { bundles, lost }: Storage,
  { platform, registry }: Control,
  { url, port, adminToken, gate, onReplaced, gateways, distributeConnections }: Awaited<ReturnType<typeof serve>>,
): RunningServer {
  const auth = requiresKeys(options);
  log.info({ url, dataDir, platform: options.kubernetes ? "kubernetes" : "embedded", auth }, "listening");
  if (!auth && !isLoopback(options.host ?? "127.0.0.1"))
    log.warn({ url }, "no keys are required: every client that reaches this address can do everything");
  const stop = async () => {
    await stack[Symbol.asyncDispose]();
    log.info("stopped");
    await new Promise<void>((done) => log.flush(() => done()));
  };
  let stopped: Promise<void> | undefined;
  return {
    ...{ url, port, dataDir, auth, bundles, lost },
    ...(adminToken === undefined ? {} : { adminToken }),
    ...(gateways ? { gateways } : {}),
    async release() {
      await role[Symbol.asyncDispose]().catch((err) => log.error({ err }, "failed to release the data folder"));
      onReplaced();
      const awake = Array.from(registry.awake, ({ key, desired }) => [key, desired] as const);
      return { port, workDir: workDirOf(options), replicas: awake.filter(([, desired]) => desired > 0) };
    },
    control: gate.listener,
    forwardControl: (listener) => gate.forwardTo(listener),
    cleanUpAfter(predecessor) {
      distributeConnections();
      platform.cleanUp?.(join(dataDir, predecessor.workDir));
    },
    stop() {
      stopped ??= stop();
      return stopped;
    },
  };
}

/** Tells whether keys are required: by default, where clients on other machines reach the server, itself or through gateways. */
const requiresKeys = ({ auth, host = "127.0.0.1", gateways }: ServerOptions): boolean =>
  auth ?? !(isLoopback(host) && isLoopback(gateways?.listen?.host ?? host));
