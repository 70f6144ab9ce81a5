import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { buildImage } from "@faas/builder";
import type { Artifact, EndpointView, Registry, SettingsInput } from "@faas/core";
import {
  findInstalled,
  KubernetesApi,
  KubernetesCredentials,
  type KubernetesObject,
  readAdminToken,
  uninstallServer,
} from "@faas/installer";
import { eventually, FaasProcess } from "@faas/testing";
import type { V1Deployment, V1Pod } from "@kubernetes/client-node";
import { killProcesses } from "../pod-processes.ts";
import { warmImage } from "../warm-image.ts";
import { kubectl } from "./kubectl.ts";

const LIMIT_MS = 120_000;
/** Time for the namespaces to be deleted, also on a busy machine. */
const UNINSTALL_MS = 600_000;

/** Deployments of an installation: the control server's, and the gateways'. */
export type Role = "faas-server" | "faas-gateway";

export interface InstallOptions {
  /** Value of `--gateways`; absent for the default. */
  readonly gateways?: string;
}

/** Control server in the cluster, as `faas install` creates it, with one organization. */
export class InstalledServer implements AsyncDisposable {
  readonly namespace: string;
  readonly org: string;
  readonly #faas = new FaasProcess();
  readonly #credentials = KubernetesCredentials.load();
  readonly #api = new KubernetesApi(this.#credentials);
  #url = "";
  #token = "";

  private constructor() {
    // With this name, ../../cluster/run.ts removes the objects if this process is killed.
    const id = `${process.env.FAAS_TEST_RUN ?? process.pid}-${Math.random().toString(36).slice(2, 8)}`;
    this.namespace = `faas-faults-${id}`;
    this.org = `faults-${id}-org`;
    this.#faas.env.XDG_CONFIG_HOME = this.#faas.folder;
  }

  static async install({ gateways }: InstallOptions = {}): Promise<InstalledServer> {
    const server = new InstalledServer();
    try {
      const more = gateways === undefined ? [] : ["--gateways", gateways];
      server.#url = (await server.#succeed("install", ...more)).trim();
      server.#token = (await readAdminToken(server.#api, server.namespace)) as string;
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Address of the Service. */
  get url(): string {
    return this.#url;
  }

  get headers(): Readonly<Record<string, string>> {
    return { authorization: `Bearer ${this.#token}` };
  }

  /** Lists the nodes on which replicas of an endpoint run. */
  async nodesOf(endpoint: string): Promise<string[]> {
    return (await this.#replicas(endpoint)).flatMap(({ spec }) => spec?.nodeName ?? []);
  }

  /** Lists the addresses of the replicas of an endpoint. */
  async addressesOf(endpoint: string): Promise<string[]> {
    return (await this.#replicas(endpoint)).flatMap(({ status }) => status?.podIP ?? []);
  }

  async #replicas(endpoint: string): Promise<V1Pod[]> {
    const pods = await this.#api.list<V1Pod & KubernetesObject>("Pod", `faas-${this.org}`, `faas/endpoint=${endpoint}`);
    return pods.filter(({ metadata }) => !metadata?.deletionTimestamp);
  }

  /** Returns the reference of the control server's image. */
  async image(): Promise<string> {
    return (await this.deployment("faas-server"))?.spec?.template.spec?.containers[0]?.image ?? "";
  }

  /** Runs `faas upgrade`, with the image that is given. */
  async upgrade(image: string): Promise<void> {
    await this.#succeed("upgrade", "--image", image);
  }

  /** Builds a function of one file, which warm pods can be given, and pushes it to the organization's part of the registry. */
  async warmArtifact(source: string): Promise<Artifact> {
    const folder = await this.#faas.source("warm-function", { "index.mjs": source });
    return warmImage(folder, { org: this.org, registry: registryHere(), url: this.#url, headers: this.headers });
  }

  /** Builds a function of one file and pushes it to the organization's part of the registry. */
  async artifact(source: string): Promise<Artifact> {
    const folder = await this.#faas.source("function", { "index.mjs": source });
    const registry = registryHere();
    const { reference } = await buildImage(folder, { org: this.org, endpoint: "function", registry, push: true });
    return { kind: "image", reference };
  }

  /** Deploys an endpoint with these settings and the defaults, and waits until its revision serves. */
  async deploy(name: string, artifact: Artifact, settings: SettingsInput): Promise<void> {
    const path = `/-/orgs/${this.org}/endpoints/${name}`;
    const { revision } = await this.#json<{ revision: string }>("PUT", path, { artifact, settings, reset: true });
    const { failure } = await this.#json<EndpointView>("GET", `${path}?wait=${revision}&timeout=60s`);
    assert.ok(!failure, `${name} does not start: ${JSON.stringify(failure)}`);
  }

  /** Client of the cluster. */
  get api(): KubernetesApi {
    return this.#api;
  }

  async view(name: string): Promise<EndpointView> {
    return this.#json<EndpointView>("GET", `/-/orgs/${this.org}/endpoints/${name}`);
  }

  /** Waits until the view of an endpoint meets a condition. */
  until(name: string, what: string, holds: (view: EndpointView) => boolean): Promise<EndpointView> {
    return eventually(
      `${name} is ${what}`,
      async () => {
        const view = await this.view(name);
        if (holds(view)) return view;
        throw new Error(JSON.stringify(view));
      },
      { timeoutMs: LIMIT_MS, intervalMs: 200 },
    );
  }

  /** Waits until an endpoint has no replica. */
  async untilIdle(name: string): Promise<void> {
    await this.until(name, "idle", ({ phase, replicas }) => phase === "idle" && replicas.length === 0);
  }

  /** Waits until an endpoint has this many replicas, all ready. */
  async untilReady(name: string, count: number): Promise<void> {
    await this.until(
      name,
      `ready with ${count}`,
      ({ replicas }) => replicas.length === count && replicas.every(({ ready }) => ready),
    );
  }

  /** Runs kubectl in the namespace. */
  kubectl(...args: readonly string[]): Promise<string> {
    return kubectl("--namespace", this.namespace, ...args);
  }

  /** Returns the Deployment of a role, if there is one. */
  deployment(role: Role): Promise<(V1Deployment & KubernetesObject) | undefined> {
    return this.#api.get<V1Deployment & KubernetesObject>("Deployment", this.namespace, role);
  }

  async hasGateways(): Promise<boolean> {
    return (await this.deployment("faas-gateway")) !== undefined;
  }

  /** Lists the pods of a role that are not being deleted. */
  async pods(role: Role): Promise<readonly V1Pod[]> {
    const labels = (await this.deployment(role))?.spec?.selector.matchLabels ?? {};
    const selector = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
    const pods = await this.#api.list<V1Pod & KubernetesObject>("Pod", this.namespace, selector.join(","));
    return pods.filter(({ metadata }) => !metadata?.deletionTimestamp);
  }

  /** Waits until all replicas of a role are of the current revision and available. */
  async untilRolledOut(role: Role, timeoutMs = LIMIT_MS): Promise<void> {
    await this.kubectl("rollout", "status", `deployment/${role}`, `--timeout=${timeoutMs}ms`);
  }

  /** Restarts a role as `kubectl rollout restart` does, and waits for the end. */
  async roll(role: Role): Promise<void> {
    await this.kubectl("rollout", "restart", `deployment/${role}`);
    await this.untilRolledOut(role);
  }

  /** Sets the number of replicas of a role, and waits until it is reached. */
  async scale(role: Role, replicas: number): Promise<void> {
    await this.kubectl("scale", `deployment/${role}`, `--replicas=${replicas}`);
    if (replicas > 0) return this.untilRolledOut(role);
    await eventually(`no pod of ${role}`, async () => (await this.pods(role)).length === 0, { intervalMs: 200 });
  }

  /** Moves a role to a node, unless that is lost: its pods prefer the node. */
  async move(role: Role, node: string): Promise<void> {
    const matchExpressions = [{ key: "kubernetes.io/hostname", operator: "In", values: [node] }];
    const preferred = [{ weight: 100, preference: { matchExpressions } }];
    const affinity = { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: preferred } };
    const spec = { template: { spec: { affinity } } };
    await this.kubectl("patch", `deployment/${role}`, "--patch", JSON.stringify({ spec }));
    // It may have preferred the node before, and be on another one.
    await this.roll(role);
  }

  /** Kills the Node processes of a pod with SIGKILL. The node must be this machine, or a part of it. */
  async kill(pod: V1Pod): Promise<void> {
    await killProcesses(pod, "node");
  }

  /** Waits until the control server answers, and for a moment longer: nothing may change any more when a fault begins. */
  async untilCalm(): Promise<void> {
    await eventually("the control server answers", () => this.#json("GET", "/-/orgs"), {
      timeoutMs: LIMIT_MS,
      intervalMs: 200,
    });
    await delay(2_000);
  }

  async #json<T>(method: string, path: string, body?: object): Promise<T> {
    const response = await fetch(this.#url + path, {
      method,
      headers: { ...this.headers, connection: "close", ...(body ? { "content-type": "application/json" } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
      signal: AbortSignal.timeout(LIMIT_MS),
    });
    const text = await response.text();
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text) as T;
  }

  #succeed(command: string, ...args: readonly string[]): Promise<string> {
    return this.#faas.succeed([command, "--namespace", this.namespace, "--timeout", `${LIMIT_MS / 1000}s`, ...args]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { namespace } = this;
    try {
      const installed = await findInstalled(this.#api, namespace);
      await uninstallServer(this.#api, installed, false, { namespace, timeoutMs: UNINSTALL_MS });
      await this.#api.delete("Namespace", undefined, namespace);
      await this.#api.delete("Namespace", undefined, `faas-${this.org}`);
    } finally {
      await this.#credentials.close();
      await this.#faas[Symbol.asyncDispose]();
    }
  }
}

/** Returns the registry of the environment. */
function registryHere(): Registry {
  const push = process.env.FAAS_REGISTRY_PUSH ?? "";
  return { push, pull: process.env.FAAS_REGISTRY_PULL ?? push };
}
