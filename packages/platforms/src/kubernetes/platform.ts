import {
  type EndpointRef,
  type EndpointSpec,
  type EndpointStatus,
  endpointKey,
  FaasError,
  type Limits,
  type Logger,
  NO_LOGS,
  type Platform,
  type ReplicaCpu,
  type SecretVersion,
} from "@faas/core";
import { StatusSnapshot } from "../common/status-snapshot.ts";
import { KubernetesApi } from "./client/api-client.ts";
import { type ClusterFeatures, connectToCluster } from "./client/connect.ts";
import { runInformers, toBoth } from "./client/informer.ts";
import { informerOptions } from "./client/informer-options.ts";
import { KubernetesCredentials } from "./client/kubeconfig.ts";
import { requireMetrics } from "./client/metrics-api.ts";
import type { Kind } from "./client/objects.ts";
import { CANNOT_RESIZE, CpuLimits } from "./cpu/cpu-limits.ts";
import { type EndpointHost, KubernetesEndpoint } from "./endpoint.ts";
import { nodePlatforms } from "./node-platforms.ts";
import { type KubernetesOptions, manifestOptions, NO_LOG } from "./options.ts";
import { ORGANIZATION_KINDS, OrganizationNamespaces } from "./organizations/namespaces.ts";
import { Placements } from "./organizations/placements.ts";
import { RegistryLogins, readRegistryLogin } from "./organizations/pull-secrets.ts";
import { KubernetesSecrets } from "./organizations/secrets.ts";
import { gatewayPods } from "./pods/gateway-pods.ts";
import { lastLines } from "./pods/log-copier.ts";
import type { PodFacts } from "./pods/pod-facts.ts";
import { PodTracker } from "./pods/pod-tracker.ts";
import { poolSecret } from "./pool/pool-secret.ts";
import { WarmPool } from "./pool/warm-pool.ts";
import { type ManifestOptions, selectorOf } from "./reconcile/manifests/labels.ts";
import { DEFAULT_LIMITS } from "./reconcile/manifests/organization.ts";
import { standaloneManifests } from "./reconcile/manifests/standalone.ts";
import { ENDPOINT_KINDS } from "./reconcile/object-cache.ts";
import { Reconciler } from "./reconcile/reconciler.ts";

const DEFAULT_POOL_SIZE = 1;
const WATCHED_KINDS = ["Namespace", ...ENDPOINT_KINDS, "Pod", ...ORGANIZATION_KINDS] as const satisfies Kind[];

/** Runs replicas as pods: one Deployment and Service per endpoint, one namespace per organization. */
export class KubernetesPlatform implements Platform {
  readonly name = "kubernetes";
  readonly accepts = "image";
  readonly scalers = ["concurrency", "cpu", "fixed"] as const;
  readonly defaultLimits: Limits;
  readonly imagePlatforms: () => Promise<readonly string[]>;
  readonly #api: KubernetesApi;
  readonly #credentials: KubernetesCredentials;
  readonly #options: KubernetesOptions;
  readonly #placements = new Placements();
  /** The CPU limit of a starting replica is known when the cluster is connected; no objects are created before. */
  readonly #manifests: { -readonly [Name in keyof ManifestOptions]: ManifestOptions[Name] };
  readonly #namespaces: OrganizationNamespaces;
  readonly #reconciler: Reconciler;
  readonly #secrets: KubernetesSecrets;
  readonly #pods: PodTracker;
  readonly #pool: WarmPool;
  readonly #cpu: CpuLimits;
  readonly #log: Logger;
  readonly #host: EndpointHost;
  readonly #informer: ReturnType<typeof informerOptions>;
  readonly #endpoints = new Map<string, KubernetesEndpoint>();
  readonly #statuses = new StatusSnapshot(() => this.#reconciler.unownedStatuses());
  readonly #closing = new AbortController();
  readonly #synced = Promise.withResolvers<void>();
  #notReady: FaasError | undefined;
  #canResize = false;

  private constructor(
    options: KubernetesOptions,
    credentials: KubernetesCredentials,
    api: KubernetesApi,
    logins: RegistryLogins,
    secret: Buffer,
  ) {
    this.#options = options;
    const { poolSize = DEFAULT_POOL_SIZE, log = NO_LOG, instance, bundleFolder, silenceMs } = options;
    this.defaultLimits = { ...DEFAULT_LIMITS, warmPods: poolSize };
    this.#credentials = credentials;
    this.#api = api;
    this.#manifests = manifestOptions(options, this.#placements);
    this.imagePlatforms = nodePlatforms(api, this.#closing.signal);
    const { signal } = this.#closing;
    this.#log = log;
    this.#host = {
      startSeconds: this.#manifests.startSeconds,
      onChanged: (endpoint) => this.#endpointChanged(endpoint),
      onQuotaUsedUp: (org) => this.#pool.giveWay(org),
      onNodesFull: () => this.#pool.giveWayToAll(),
      onReplicaReady: (facts) => this.#cpu.ready(facts),
      onSlowStart: (facts, cause) =>
        log.warn({ endpoint: endpointKey(facts), pod: facts.pod }, `replica is slow to start, waiting for ${cause}`),
      onReplace: (facts) => void this.#pool.replace(this.#appliedEndpoint(facts), facts),
      lastLines: (facts, previous) => lastLines(api, facts, previous),
    };
    const onPending = (ref: EndpointRef, reason?: string) => this.#endpoints.get(endpointKey(ref))?.cpuChanged(reason);
    this.#cpu = new CpuLimits({ api, log, signal, onPending });
    const shared = { api, manifests: this.#manifests, log, signal, endpoints: this.#endpoints };
    this.#namespaces = new OrganizationNamespaces({
      ...shared,
      logins,
      onLost: (org) => this.#reconciler.reconcileOrganization(org),
      terminatingMs: options.terminatingMs,
    });
    this.#secrets = new KubernetesSecrets(api, this.#manifests);
    this.#reconciler = new Reconciler({
      ...shared,
      namespaces: this.#namespaces,
      onDeploymentsChanged: () => this.#statuses.announce(),
    });
    this.#pods = new PodTracker({
      ...shared,
      hasLostLogin: (org) => this.#namespaces.hasLostLogin(org),
      logs: options.logs ?? NO_LOGS,
      cpu: this.#cpu,
    });
    this.#informer = informerOptions({ api, silenceMs, log, onResumed: () => this.#reconciler.retryNow() });
    const settings = { instance, bundleFolder, size: poolSize, secret, informer: this.#informer };
    this.#pool = new WarmPool({ ...shared, ...settings, namespaces: this.#namespaces });
  }

  /**
   * Connects to the cluster.
   *
   * @throws CLUSTER_CONFIG_INVALID
   * @throws CLUSTER_FORBIDDEN
   * @throws CLUSTER_UNREACHABLE unless `patient`
   */
  static async connect(options: KubernetesOptions): Promise<KubernetesPlatform> {
    const credentials = KubernetesCredentials.load(options.context);
    const logins = await RegistryLogins.load(options.dataDir);
    const platform = new KubernetesPlatform(
      options,
      credentials,
      new KubernetesApi(credentials),
      logins,
      await poolSecret(options.dataDir),
    );
    try {
      await connectToCluster({
        api: platform.#api,
        kinds: WATCHED_KINDS,
        patient: options.patient ?? false,
        log: platform.#log,
        signal: platform.#closing.signal,
        onUnreachable: (reason) => {
          platform.#notReady = reason;
        },
        onConnected: (features) => platform.#start(features),
      });
      return platform;
    } catch (error) {
      await platform[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Reason why no replica can be started yet: the cluster was unreachable since the server started. */
  get notReady(): FaasError | undefined {
    return this.#notReady;
  }

  /**
   * Checks that an autoscaler would get metrics.
   *
   * @throws METRICS_MISSING
   */
  async check({ scaler }: EndpointSpec, signal?: AbortSignal): Promise<void> {
    if (scaler === "cpu") await requireMetrics(this.#api, signal);
  }

  exportObjects = (spec: EndpointSpec) => standaloneManifests(spec, this.#manifests);

  applyOrg(org: string, limits: Limits, signal?: AbortSignal): Promise<void> {
    this.#pool.setSize(org, limits.warmPods);
    if (this.#placements.set(org, limits)) this.#placementChanged(org);
    return this.#namespaces.apply(org, limits, signal);
  }

  registryLogin(org: string, dockerConfigJson: string, signal?: AbortSignal): Promise<void> {
    return this.#namespaces.registryLogin(org, dockerConfigJson, signal);
  }

  readonly readRegistryLogin = (org: string, signal?: AbortSignal) => readRegistryLogin(this.#api, org, signal);

  async putSecret(org: string, secret: SecretVersion, value: string, signal?: AbortSignal): Promise<void> {
    await this.#namespaces.ensure(org, signal);
    await this.#secrets.put(org, secret, value, signal);
  }

  readonly readSecret = (org: string, secret: SecretVersion, signal?: AbortSignal) =>
    this.#secrets.read(org, secret, signal);

  readonly removeSecret = (org: string, secret: SecretVersion, signal?: AbortSignal) =>
    this.#secrets.remove(org, secret, signal);

  async apply(spec: EndpointSpec): Promise<void> {
    if (spec.artifact.kind !== this.accepts)
      throw new FaasError("ARTIFACT_UNSUPPORTED", "The kubernetes platform runs container images, not bundles");
    const key = endpointKey(spec);
    const known = this.#endpoints.get(key);
    if (known) known.apply(spec);
    else this.#add(key, spec);
    this.#pool.apply(spec);
    await this.#reconciler.reconcile(key);
  }

  async scale(ref: EndpointRef, replicas: number, signal?: AbortSignal): Promise<void> {
    const endpoint = this.#endpoints.get(endpointKey(ref));
    if (!endpoint) throw new FaasError("ENDPOINT_NOT_FOUND", `The platform has no endpoint ${endpointKey(ref)}`);
    if (this.#notReady) throw this.#notReady;
    await this.#synced.promise;
    const previous = endpoint.desired ?? 0;
    if (previous === 0 || replicas === 0) endpoint.startAttempt();
    endpoint.scaled(replicas);
    if (replicas > previous) endpoint.requestReplicas();
    // A call waits for these: nothing else comes first.
    const isGrowing = replicas > previous && this.#reconciler.isApplied(endpoint);
    const handOver = isGrowing ? this.#pool.claim(endpoint, endpoint.missing) : undefined;
    try {
      await this.#reconciler.scale(endpoint, previous, handOver?.beforeScale(), signal);
      endpoint.requestAccepted();
      void handOver?.afterScale(true);
    } catch (error) {
      if (endpoint.desired === replicas) endpoint.desired = previous;
      void handOver?.afterScale(false);
      throw error;
    }
    this.#statuses.announce();
  }

  setCpu(ref: EndpointRef, cpu: ReplicaCpu): void {
    const endpoint = this.#endpoints.get(endpointKey(ref));
    if (endpoint === undefined) return;
    if (this.#canResize) this.#cpu.set(ref, cpu);
    else endpoint.cpuChanged(cpu.limitMillis > endpoint.spec.cpuMillis ? CANNOT_RESIZE : undefined);
  }

  async remove(ref: EndpointRef, signal?: AbortSignal): Promise<void> {
    const endpoint = this.#endpoints.get(endpointKey(ref));
    if (endpoint) this.#forget(endpoint);
    await this.#reconciler.remove(ref, signal);
  }

  async removeOrg(org: string, signal?: AbortSignal): Promise<void> {
    const removed = [...this.#endpoints.values()].filter(({ spec }) => spec.org === org);
    for (const endpoint of removed) this.#forget(endpoint);
    this.#placements.delete(org);
    await this.#namespaces.remove(org, signal);
  }

  async *watch(signal: AbortSignal): AsyncGenerator<readonly EndpointStatus[]> {
    // Before everything was listed once, a status without replicas would only mean that they are unknown.
    const aborted = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    await Promise.race([this.#synced.promise, aborted]);
    yield* this.#statuses.watch(signal);
  }

  /** Ends at once for a control server outside the cluster, which has no gateways there. */
  async *gateways(signal: AbortSignal): AsyncGenerator<readonly string[]> {
    const { serverNamespace } = this.#options;
    if (serverNamespace === undefined) return;
    yield* gatewayPods(this.#informer, serverNamespace, AbortSignal.any([signal, this.#closing.signal]));
  }

  /** Disconnects from the cluster; the replicas keep running. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    this.#synced.resolve();
    for (const endpoint of this.#endpoints.values()) endpoint.stop();
    await this.#pods.ended();
    await this.#credentials.close();
  }

  /** Returns the endpoint of a replica if its revision is the one in the cluster. */
  #appliedEndpoint(facts: PodFacts): KubernetesEndpoint | undefined {
    const endpoint = this.#endpoints.get(endpointKey(facts));
    return endpoint?.spec.revision === facts.revision && this.#reconciler.isApplied(endpoint) ? endpoint : undefined;
  }

  #add(key: string, spec: EndpointSpec): void {
    const endpoint = new KubernetesEndpoint(spec, this.#host);
    this.#endpoints.set(key, endpoint);
    this.#statuses.change(endpoint);
    this.#pods.added(endpoint);
  }

  #endpointChanged(endpoint: KubernetesEndpoint): void {
    // A removed endpoint may still observe its pods.
    if (this.#endpoints.get(endpointKey(endpoint.spec)) === endpoint) this.#statuses.change(endpoint);
  }

  /** Replaces the replicas and the warm pods of an organization by pods with its new placement. */
  #placementChanged(org: string): void {
    for (const { spec } of this.#endpoints.values()) if (spec.org === org) this.#pool.apply(spec);
    this.#reconciler.reconcileOrganization(org);
  }

  #forget(endpoint: KubernetesEndpoint): void {
    const key = endpointKey(endpoint.spec);
    this.#endpoints.delete(key);
    this.#statuses.remove(endpoint);
    this.#reconciler.abandon(key);
    this.#pool.remove(key);
    this.#cpu.forget(endpoint.spec);
    endpoint.stop();
  }

  #start({ canResizePods }: ClusterFeatures): void {
    this.#canResize = canResizePods;
    if (canResizePods) this.#manifests.startupCpuMillis = this.#options.startupCpuMillis ?? 1000;
    else
      this.#log.warn(
        "cluster cannot resize pods in place, replicas start slowly under the CPU limit of their endpoint",
      );
    void this.#sync();
  }

  /** Runs the informers of all kinds, and starts to reconcile when each has listed its objects. */
  async #sync(): Promise<void> {
    const { deployments, services, autoscalers, budgets } = this.#reconciler.cache;
    const options = {
      ...this.#informer,
      labelSelector: selectorOf(this.#options.instance),
      signal: this.#closing.signal,
    };
    await runInformers<(typeof WATCHED_KINDS)[number]>(options, {
      Deployment: deployments,
      Service: services,
      HorizontalPodAutoscaler: autoscalers,
      PodDisruptionBudget: budgets,
      Namespace: this.#namespaces.namespaceHandler,
      ...this.#namespaces.handlers,
      Pod: toBoth(this.#pods.handler, this.#pool.handler),
    });
    if (this.#manifests.startupCpuMillis !== undefined) this.#pool.start();
    if (this.#notReady) this.#log.info("connected to the cluster");
    this.#notReady = undefined;
    this.#synced.resolve();
    this.#reconciler.start();
    this.#statuses.announce();
  }
}
