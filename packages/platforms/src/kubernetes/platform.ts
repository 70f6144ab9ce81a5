import { networkInterfaces } from "node:os";
import {
  type EndpointLog,
  type EndpointRef,
  type EndpointSpec,
  type EndpointStatus,
  endpointKey,
  FaasError,
  type Limits,
  type LogSink,
  NO_LOGS,
  type Platform,
  type SecretVersion,
} from "@faas/core";
import type { V1Deployment, V1Namespace, V1Pod } from "@kubernetes/client-node";
import type { PlatformLog } from "../common/platform-log.ts";
import { StatusFeed } from "../common/status-feed.ts";
import { StatusList } from "../common/status-list.ts";
import { ClusterError, type Kind, KubernetesApi, type KubernetesObject } from "./client/api-client.ts";
import { type ClusterFacts, reachCluster } from "./client/connect.ts";
import { followObjects, type WatchHandler } from "./client/informer.ts";
import { KubernetesCredentials } from "./client/kubeconfig.ts";
import { type EndpointHost, KubernetesEndpoint } from "./endpoint.ts";
import { KubernetesOrgs } from "./organizations/namespaces.ts";
import { RegistryLogins } from "./organizations/pull-secrets.ts";
import { KubernetesSecrets } from "./organizations/secrets.ts";
import { type ContainerState, copyLog, lastLines } from "./pods/log-copier.ts";
import { type PodFacts, podFacts, replicaId, withLostLogin } from "./pods/pod-facts.ts";
import { DEFAULT_LIMITS, type ManifestOptions, selectorOf } from "./reconcile/manifests.ts";
import { KubernetesObjects } from "./reconcile/reconciler.ts";

export interface KubernetesOptions {
  /** Folder for logins to registries. */
  readonly dataDir: string;
  /** Receives copies of the replicas' logs; absent: they are not copied. */
  readonly logs?: LogSink;
  /** Tells the objects of this control server from those of another on the same cluster. */
  readonly instance: string;
  /** A context of the kubeconfig; the current one. */
  readonly context?: string;
  /** CPU limit while a replica starts; 1000. */
  readonly startupCpuMillis?: number;
  /** Time for a replica to start; 60 s. */
  readonly startSeconds?: number;
  /** Namespace of the control server, when it runs in the cluster. */
  readonly serverNamespace?: string;
  /** Time that a namespace which is being deleted is waited for; 45 s. */
  readonly terminatingMs?: number;
  /** A watch that is silent for longer is begun anew; 90 s. */
  readonly silenceMs?: number;
  /** Begin also while the cluster is away, and reach it later. */
  readonly patient?: boolean;
  readonly log?: PlatformLog;
}

const NO_LOG: PlatformLog = { info: () => {}, warn: () => {} };
const RESIZE_TRIES = 3;
const FOLLOWED = [
  "Namespace",
  "Deployment",
  "Pod",
  "Service",
  "HorizontalPodAutoscaler",
  "NetworkPolicy",
  "ResourceQuota",
  "LimitRange",
] as const satisfies Kind[];

/** Runs replicas as pods: a Deployment and a Service an endpoint, a namespace an organization. */
export class KubernetesPlatform implements Platform {
  readonly name = "kubernetes";
  readonly accepts = "image";
  readonly scalers = ["concurrency", "cpu", "fixed"] as const;
  readonly #api: KubernetesApi;
  readonly #credentials: KubernetesCredentials;
  readonly #options: KubernetesOptions;
  /** The CPU limit while replicas start is known when the cluster was reached; nothing is made before. */
  readonly #manifests: { -readonly [Name in keyof ManifestOptions]: ManifestOptions[Name] };
  readonly #orgs: KubernetesOrgs;
  readonly #objects: KubernetesObjects;
  readonly #secrets: KubernetesSecrets;
  readonly #log: PlatformLog;
  readonly #endpoints = new Map<string, KubernetesEndpoint>();
  /** Every pod that is there, by namespace and name. */
  readonly #pods = new Map<string, PodFacts>();
  readonly #copied = new Map<string, Promise<void>>();
  readonly #statuses = new StatusList();
  readonly #feed = new StatusFeed(() => this.#snapshot());
  readonly #closing = new AbortController();
  readonly #host: EndpointHost;
  readonly #synced = Promise.withResolvers<void>();
  #notReady: FaasError | undefined;

  private constructor(
    options: KubernetesOptions,
    credentials: KubernetesCredentials,
    api: KubernetesApi,
    logins: RegistryLogins,
  ) {
    this.#options = options;
    this.#credentials = credentials;
    this.#api = api;
    this.#log = options.log ?? NO_LOG;
    const { instance, startSeconds = 60, serverNamespace } = options;
    this.#manifests = {
      instance,
      startSeconds,
      ...(serverNamespace === undefined ? {} : { serverNamespace }),
      gatewayCidrs: serverNamespace === undefined ? ownAddresses() : [],
    };
    this.#host = {
      startSeconds,
      changed: (endpoint) => this.#changed(endpoint),
      ready: (facts) => void this.#settle(facts),
      slow: (facts, waits) =>
        this.#log.warn(
          { endpoint: endpointKey(facts), pod: facts.pod },
          `a replica is slow to start: it waits for ${waits}`,
        ),
      lastLines: (facts, previous) => lastLines(this.#api, facts, previous),
    };
    this.#orgs = new KubernetesOrgs({
      api: this.#api,
      manifests: this.#manifests,
      logins,
      log: this.#log,
      signal: this.#closing.signal,
      lost: (org) => this.#objects.lostIn(org),
      terminatingMs: options.terminatingMs,
    });
    this.#secrets = new KubernetesSecrets(api, this.#manifests);
    this.#objects = new KubernetesObjects({
      api: this.#api,
      manifests: this.#manifests,
      orgs: this.#orgs,
      log: this.#log,
      signal: this.#closing.signal,
      endpoints: this.#endpoints,
      changed: () => this.#feed.announce(),
    });
  }

  /** Rejects with CLUSTER_CONFIG_INVALID, CLUSTER_FORBIDDEN and, unless it is to be patient, CLUSTER_UNREACHABLE. */
  static async connect(options: KubernetesOptions): Promise<KubernetesPlatform> {
    const credentials = KubernetesCredentials.load(options.context);
    const logins = await RegistryLogins.load(options.dataDir);
    const platform = new KubernetesPlatform(options, credentials, new KubernetesApi(credentials), logins);
    try {
      await reachCluster({
        api: platform.#api,
        kinds: FOLLOWED,
        patient: options.patient ?? false,
        log: platform.#log,
        signal: platform.#closing.signal,
        away: (reason) => {
          platform.#notReady = reason;
        },
        reached: (facts) => platform.#begin(facts),
      });
      return platform;
    } catch (error) {
      await platform[Symbol.asyncDispose]();
      throw error;
    }
  }

  readonly defaultLimits = DEFAULT_LIMITS;

  /** Why nothing can be started yet: the cluster has not been reached since the server began. */
  get notReady(): FaasError | undefined {
    return this.#notReady;
  }

  /** METRICS_MISSING: an autoscaler would never get a figure. */
  async check({ scaler }: EndpointSpec, signal?: AbortSignal): Promise<void> {
    if (scaler !== "cpu") return;
    await this.#api.call("GET", "/apis/metrics.k8s.io/v1beta1", { signal }).catch((error) => {
      if (!(error instanceof ClusterError) || (error.httpStatus !== 404 && error.httpStatus !== 503)) throw error;
      throw new FaasError(
        "METRICS_MISSING",
        'The scaler "cpu" needs a metrics server, and this cluster has none that answers: install metrics-server, or deploy with --scaler concurrency',
        { cause: error },
      );
    });
  }

  applyOrg(org: string, limits: Limits, signal?: AbortSignal): Promise<void> {
    return this.#orgs.apply(org, limits, signal);
  }

  registryLogin(org: string, dockerConfigJson: string, signal?: AbortSignal): Promise<void> {
    return this.#orgs.registryLogin(org, dockerConfigJson, signal);
  }

  async putSecret(org: string, secret: SecretVersion, value: string, signal?: AbortSignal): Promise<void> {
    await this.#orgs.ensure(org, signal);
    await this.#secrets.put(org, secret, value, signal);
  }

  removeSecret(org: string, secret: SecretVersion, signal?: AbortSignal): Promise<void> {
    return this.#secrets.remove(org, secret, signal);
  }

  async apply(spec: EndpointSpec): Promise<void> {
    if (spec.artifact.kind !== this.accepts)
      throw new FaasError("ARTIFACT_UNSUPPORTED", "The kubernetes platform runs container images, not bundles");
    const key = endpointKey(spec);
    const known = this.#endpoints.get(key);
    if (known) known.apply(spec);
    else this.#add(key, spec);
    this.#feed.announce();
    await this.#objects.reconcile(key);
  }

  async scale(ref: EndpointRef, replicas: number, signal?: AbortSignal): Promise<void> {
    const endpoint = this.#endpoints.get(endpointKey(ref));
    if (!endpoint)
      throw new FaasError("ENDPOINT_NOT_FOUND", `There is no endpoint ${endpointKey(ref)} on the platform`);
    if (this.#notReady) throw this.#notReady;
    await this.#synced.promise;
    const before = endpoint.desired ?? 0;
    if (before === 0 || replicas === 0) endpoint.newAttempt();
    endpoint.desired = replicas;
    if (replicas > before) endpoint.asked();
    try {
      await this.#objects.scale(endpoint, before, signal);
      endpoint.accepted();
    } catch (error) {
      if (endpoint.desired === replicas) endpoint.desired = before;
      throw error;
    }
    this.#feed.announce();
  }

  async remove(ref: EndpointRef, signal?: AbortSignal): Promise<void> {
    const key = endpointKey(ref);
    const endpoint = this.#endpoints.get(key);
    if (endpoint) this.#forget(endpoint);
    this.#feed.announce();
    await this.#objects.remove(ref, signal);
  }

  async removeOrg(org: string, signal?: AbortSignal): Promise<void> {
    const mine = [...this.#endpoints.values()].filter(({ spec }) => spec.org === org);
    for (const endpoint of mine) this.#forget(endpoint);
    this.#feed.announce();
    await this.#orgs.remove(org, signal);
  }

  async *watch(signal: AbortSignal): AsyncGenerator<readonly EndpointStatus[]> {
    // Until all was listed once, "no replica" would only mean "not known".
    const aborted = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    await Promise.race([this.#synced.promise, aborted]);
    yield* this.#feed.watch(signal);
  }

  /** Lets go of the cluster; what runs there goes on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    this.#synced.resolve();
    for (const endpoint of this.#endpoints.values()) endpoint.stop();
    await Promise.all(this.#copied.values());
    await this.#credentials.close();
  }

  #add(key: string, spec: EndpointSpec): void {
    const endpoint = new KubernetesEndpoint(spec, this.#host);
    this.#endpoints.set(key, endpoint);
    this.#changed(endpoint);
    for (const facts of this.#pods.values()) if (endpointKey(facts) === key) this.#observePod(facts);
  }

  #snapshot(): readonly EndpointStatus[] {
    const known = this.#statuses.snapshot();
    const others = this.#objects.others();
    return others.length === 0 ? known : [...known, ...others];
  }

  #changed(endpoint: KubernetesEndpoint): void {
    // One that was removed may still be told of its pods.
    if (this.#endpoints.get(endpointKey(endpoint.spec)) === endpoint) this.#statuses.change(endpoint);
    this.#feed.announce();
  }

  #forget(endpoint: KubernetesEndpoint): void {
    const key = endpointKey(endpoint.spec);
    this.#endpoints.delete(key);
    this.#statuses.remove(endpoint);
    this.#objects.abandoned(key);
    endpoint.stop();
  }

  #begin({ resizes }: ClusterFacts): void {
    if (resizes) this.#manifests.startupCpuMillis = this.#options.startupCpuMillis ?? 1000;
    else this.#log.warn({}, "the cluster cannot resize pods in place: replicas start with their own CPU limit, slowly");
    void this.#follow();
  }

  async #follow(): Promise<void> {
    const { signal } = this.#closing;
    const selector = selectorOf(this.#options.instance);
    const lists: Promise<void>[] = [];
    const follow = <T extends KubernetesObject>(kind: (typeof FOLLOWED)[number], handler: WatchHandler<T>) => {
      const listed = Promise.withResolvers<void>();
      lists.push(listed.promise);
      const told: WatchHandler<T> = {
        ...handler,
        listed: (objects) => {
          handler.listed(objects);
          listed.resolve();
        },
        broken: (error) =>
          this.#log.warn({ err: error, kind }, "the cluster is not followed for the moment; trying again"),
        mended: () => {
          this.#log.info({ kind }, "the cluster is followed again");
          this.#objects.retryAtOnce();
        },
      };
      void followObjects(this.#api, kind, selector, told, signal, this.#options.silenceMs);
    };
    follow<V1Deployment>("Deployment", this.#objects.observed.deployments);
    follow("Service", this.#objects.observed.services);
    follow("HorizontalPodAutoscaler", this.#objects.observed.autoscalers);
    follow<V1Namespace>("Namespace", this.#orgs.namespaces);
    for (const kind of ["NetworkPolicy", "ResourceQuota", "LimitRange"] as const) follow(kind, this.#orgs.parts[kind]);
    follow<V1Pod>("Pod", {
      listed: (pods) => this.#podsListed(pods),
      changed: (pod) => this.#podChanged(this.#facts(pod)),
      deleted: (pod) => this.#podGone(podFacts(pod)),
    });
    await Promise.all(lists);
    if (this.#notReady) this.#log.info({}, "the cluster is reached");
    this.#notReady = undefined;
    this.#synced.resolve();
    this.#objects.listed();
    this.#feed.announce();
  }

  #facts(pod: V1Pod): PodFacts {
    const facts = podFacts(pod);
    return this.#orgs.lostLogin(facts.org) ? withLostLogin(facts) : facts;
  }

  #podsListed(pods: readonly V1Pod[]): void {
    const all = pods.map((pod) => this.#facts(pod));
    const present = new Set(all.map(podKey));
    for (const [key, facts] of this.#pods) if (!present.has(key)) this.#podGone(facts);
    for (const facts of all) this.#podChanged(facts);
  }

  #podChanged(facts: PodFacts): void {
    const before = this.#pods.get(podKey(facts));
    this.#pods.set(podKey(facts), facts);
    this.#observePod(facts);
    if (facts.deleting && before?.deleting === false) this.#ending(facts);
  }

  #podGone(facts: PodFacts): void {
    const before = this.#pods.get(podKey(facts));
    this.#pods.delete(podKey(facts));
    this.#endpoints.get(endpointKey(facts))?.podGone(facts.pod);
    for (let restarts = 0; restarts <= facts.restarts; restarts++) {
      const replica = replicaId(facts.pod, restarts);
      void this.#copied.get(replica)?.then(() => this.#copied.delete(replica));
    }
    if (before?.deleting === false) this.#ending(facts);
  }

  /** Was it still wanted? Its Deployment makes another one. */
  #ending({ org, endpoint, revision, pod }: PodFacts): void {
    const key = endpointKey({ org, endpoint });
    const known = this.#endpoints.get(key);
    if (!known?.isShort || known.spec.revision !== revision) return;
    this.#log.warn({ endpoint: key, pod }, "a replica is ending that was still wanted: the cluster makes another");
  }

  #observePod(facts: PodFacts): void {
    const endpoint = this.#endpoints.get(endpointKey(facts));
    if (!endpoint) return;
    endpoint.observePod(facts);
    if (facts.runningSinceMs !== undefined || facts.trouble?.ran !== undefined)
      void this.#copyLog(facts, (this.#options.logs ?? NO_LOGS).open(facts));
  }

  #copyLog(facts: PodFacts, store: EndpointLog): Promise<void> {
    const { pod, restarts, replica } = facts;
    const known = this.#copied.get(replica);
    if (known) return known;
    const state = (): ContainerState => {
      const now = this.#pods.get(podKey(facts));
      if (now !== undefined && now.restarts > restarts) return now.restarts === restarts + 1 ? "replaced" : "lost";
      return now === undefined || now.deleting || now.trouble?.ran === "this" ? "ended" : "running";
    };
    const copy = async () => {
      // The container before it may have ended while no server was there. Its lines come first.
      if (facts.formerEnd) await this.#copyFormer({ ...facts, restarts: restarts - 1 }, replica, store);
      await copyLog(this.#api, facts, store, state, this.#closing.signal);
    };
    const copied = copy().catch((error) =>
      this.#log.warn({ err: error, pod }, "a replica's log could not be copied to its end"),
    );
    this.#copied.set(replica, copied);
    return copied;
  }

  async #copyFormer(facts: PodFacts, next: string, store: EndpointLog): Promise<void> {
    const replica = replicaId(facts.pod, facts.restarts);
    if (!this.#copied.has(replica)) {
      // Whoever copied the next one's had copied this one's.
      for await (const _ of store.read({ replica: next, tail: 1 })) return;
    }
    const { formerEnd: _, ...former } = facts;
    await this.#copyLog({ ...former, replica }, store);
  }

  /** Takes the startup boost away: the pod's resources are changed in place (Kubernetes, "Resize CPU and Memory Resources"). */
  async #settle(facts: PodFacts): Promise<void> {
    const { cpuMillis, ownCpuMillis } = facts;
    if (cpuMillis === undefined || ownCpuMillis === undefined || cpuMillis <= ownCpuMillis) return;
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#objects.resize(facts, ownCpuMillis);
        return;
      } catch (error) {
        if (this.#closing.signal.aborted || (error instanceof ClusterError && error.httpStatus === 404)) return;
        if (attempt < RESIZE_TRIES) continue;
        this.#log.warn({ err: error, pod: facts.pod }, "a replica keeps the CPU limit that it started with");
        return;
      }
    }
  }
}

const podKey = ({ namespace, pod }: PodFacts) => `${namespace}/${pod}`;

/** Of this machine, for a control server outside the cluster: each as a network of one address. */
function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith("fe80:"))
    .map(({ address, family }) => `${address}/${family === "IPv4" ? 32 : 128}`)
    .sort();
}
