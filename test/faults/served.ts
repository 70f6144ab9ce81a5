import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buildImage } from "@faas/builder";
import { build } from "@faas/builder/bundle";
import type { Artifact, EndpointView, SettingsInput } from "@faas/core";
import { KubernetesApi, KubernetesCredentials } from "@faas/platforms/kubernetes-client";
import { eventually, FaasProcess, HttpClient, type RunningServer } from "@faas/testing";
import type { V1Pod } from "@kubernetes/client-node";
import { killProcesses } from "./pod-processes.ts";
import { warmImage } from "./warm-image.ts";

export type PlatformName = "embedded" | "kubernetes";

/** Platforms that this machine can test: a cluster needs a kubeconfig and a registry. */
export const platformsHere: readonly PlatformName[] =
  process.env.KUBECONFIG && process.env.FAAS_REGISTRY_PUSH ? ["embedded", "kubernetes"] : ["embedded"];

const TIMEOUT_MS = 90_000;

export interface ServedOptions {
  /** Kubeconfig with the address of a proxy between the server and the cluster. */
  readonly kubeconfig?: string;
  /** Address of the registry for the nodes, instead of the one in the environment. */
  readonly registryPull?: string;
  /** Additional arguments of `faas up`. */
  readonly args?: readonly string[];
}

/** The built `faas up` with an organization, whose endpoints are exposed to faults. */
export class Served implements AsyncDisposable {
  readonly platform: PlatformName;
  readonly org: string;
  readonly faas: FaasProcess;
  readonly #credentials: KubernetesCredentials | undefined;
  readonly #api: KubernetesApi | undefined;
  readonly #registry: { readonly push: string; readonly pull: string };
  readonly #args: readonly string[];
  #server: RunningServer | undefined;
  #client: HttpClient | undefined;
  #sources = 0;

  private constructor(platform: PlatformName, faas: FaasProcess, { registryPull, args = [] }: ServedOptions) {
    this.platform = platform;
    this.#args = args;
    this.faas = faas;
    this.#credentials = platform === "kubernetes" ? KubernetesCredentials.load() : undefined;
    this.#api = this.#credentials && new KubernetesApi(this.#credentials);
    // With this name, ../cluster/run.ts removes the organization if this process is killed.
    this.org = `faults-${process.env.FAAS_TEST_RUN ?? process.pid}-${Math.random().toString(36).slice(2, 8)}`;
    const push = process.env.FAAS_REGISTRY_PUSH ?? "";
    this.#registry = { push, pull: registryPull ?? process.env.FAAS_REGISTRY_PULL ?? push };
  }

  static async start(platform: PlatformName, options: ServedOptions = {}): Promise<Served> {
    const served = new Served(platform, new FaasProcess(), options);
    if (options.kubeconfig !== undefined) served.faas.env.KUBECONFIG = options.kubeconfig;
    try {
      await served.up();
      return served;
    } catch (error) {
      await served[Symbol.asyncDispose]();
      throw error;
    }
  }

  get url(): string {
    return this.#running.url;
  }

  get pid(): number {
    return this.#running.pid;
  }

  get #running(): RunningServer {
    return this.#server as RunningServer;
  }

  get api(): KubernetesApi {
    return this.#api as KubernetesApi;
  }

  /** Returns everything that the server has logged. */
  log(): string {
    return this.#running.stderr();
  }

  /** Returns the log lines of pino's level `warn` or higher. */
  warnings(): string[] {
    return this.log()
      .split("\n")
      .filter((line) => /"level":[456]0/.test(line));
  }

  /** Starts the server. @param args additional arguments, of this start alone */
  async up(args: readonly string[] = []): Promise<void> {
    const registry = ["--registry-push", this.#registry.push, "--registry-pull", this.#registry.pull];
    const more = this.platform === "kubernetes" ? ["--platform", "kubernetes", ...registry] : [];
    this.#client?.[Symbol.dispose]();
    this.#server = await this.faas.up({ args: ["--log-level", "info", ...more, ...this.#args, ...args] });
    this.#client = new HttpClient(this.url);
  }

  /** Builds a function of one file, and uploads it to the server or the registry. */
  async artifact(source: string): Promise<Artifact> {
    const folder = await this.faas.source(`source-${++this.#sources}`, { "index.mjs": source });
    if (this.platform === "kubernetes") {
      const names = { org: "faas-test", endpoint: "faults", registry: this.#registry };
      return { kind: "image", reference: (await buildImage(folder, { ...names, push: true })).reference };
    }
    await using bundle = await build(folder);
    const { digest, sizeBytes, open } = bundle;
    const response = await fetch(`${this.url}/-/bundles/${digest}`, {
      method: "PUT",
      headers: { "Content-Length": String(sizeBytes) },
      body: Readable.toWeb(open()),
      duplex: "half",
    } as RequestInit);
    assert.ok(response.ok, `upload failed with ${response.status}`);
    return { kind: "bundle", digest };
  }

  /** Builds a function of one file for the organization, which warm pods can be given. Kubernetes only. */
  async warmArtifact(source: string): Promise<Artifact> {
    const folder = await this.faas.source(`source-${++this.#sources}`, { "index.mjs": source });
    return warmImage(folder, { org: this.org, registry: this.#registry, url: this.url });
  }

  /** Kills the server with SIGKILL. */
  async killServer(): Promise<void> {
    await this.faas.kill(this.#running);
  }

  /** Deploys an endpoint with these settings and the defaults, and waits until its revision serves. */
  async deploy(name: string, artifact: Artifact, settings: SettingsInput = {}): Promise<EndpointView> {
    const path = `/-/orgs/${this.org}/endpoints/${name}`;
    const { status, body } = await this.send("PUT", path, { artifact, settings, reset: true });
    assert.ok(status < 300, `cannot register ${name}: ${JSON.stringify(body)}`);
    const { revision } = body as { revision: string };
    const { body: view } = await this.send("GET", `${path}?wait=${revision}&timeout=60s`);
    const { failure } = view as EndpointView;
    assert.ok(!failure, `${name} does not start: ${JSON.stringify(failure)}`);
    return view as EndpointView;
  }

  async send(method: string, path: string, body?: object): Promise<{ status: number; body: unknown }> {
    const response = await (this.#client as HttpClient).send(method, path, body);
    return { status: response.status, body: response.json() };
  }

  /** Sends a GET request and returns the body of the response. */
  async text(path: string): Promise<string> {
    return (await (this.#client as HttpClient).send("GET", path)).text;
  }

  async view(name: string): Promise<EndpointView> {
    return (await this.send("GET", `/-/orgs/${this.org}/endpoints/${name}`)).body as EndpointView;
  }

  /** Waits until the view of an endpoint meets a condition, and returns it. */
  async until(name: string, what: string, holds: (view: EndpointView) => boolean): Promise<EndpointView> {
    return eventually(
      `${name} is ${what}`,
      async () => {
        const view = await this.view(name);
        if (holds(view)) return view;
        throw new Error(JSON.stringify(view));
      },
      { timeoutMs: TIMEOUT_MS, intervalMs: 50 },
    );
  }

  /** Waits until exactly `count` replicas exist and are ready. */
  ready(name: string, count: number): Promise<EndpointView> {
    return this.until(
      name,
      `ready with ${count}`,
      ({ replicas }) => replicas.length === count && replicas.every(({ ready }) => ready),
    );
  }

  /** Kills the processes of a replica with SIGKILL. On Kubernetes its pod is deleted, so that no back-off delays the next one. */
  async kill(id: string): Promise<void> {
    if (this.platform === "embedded") {
      const record = join("run", `${id}.json`);
      const { data } = this.faas;
      // A server that replaces gateways of a killed one has another folder for its processes.
      const text = await readFile(join(data, record), "utf8").catch(() =>
        readFile(join(data, "successor", record), "utf8"),
      );
      const { pid } = JSON.parse(text);
      process.kill(pid, "SIGKILL");
      return;
    }
    const namespace = `faas-${this.org}`;
    const pod = await this.api.get<V1Pod>("Pod", namespace, id.replace(/\.\d+$/, ""));
    if (pod === undefined) return;
    await killProcesses(pod);
    await this.api.delete("Pod", namespace, pod.metadata?.name as string);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      // Its objects in the cluster are removed with it.
      if (this.#client) await this.send("DELETE", `/-/orgs/${this.org}`).catch(() => {});
      await this.#api?.delete("Namespace", undefined, `faas-${this.org}`);
    } finally {
      this.#client?.[Symbol.dispose]();
      await this.faas[Symbol.asyncDispose]();
      await this.#credentials?.close();
    }
  }
}

/** Returns an address of this machine that functions can reach. */
export function addressFor(platform: PlatformName): string {
  if (platform === "embedded") return "127.0.0.1";
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return all.find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? "127.0.0.1";
}
