import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { build, buildImage } from "@faas/builder";
import type { Artifact, EndpointView, SettingsInput } from "@faas/core";
import { KubernetesApi, KubernetesCredentials } from "@faas/platforms/kubernetes-client";
import { FaasProcess, type Up } from "@faas/testing";
import type { V1Pod } from "@kubernetes/client-node";

export type PlatformName = "embedded" | "kubernetes";

/** Where this machine can try them: a cluster takes a kubeconfig and a registry. */
export const platformsHere: readonly PlatformName[] =
  process.env.KUBECONFIG && process.env.FAAS_REGISTRY_PUSH ? ["embedded", "kubernetes"] : ["embedded"];

const LIMIT_MS = 90_000;

export interface ServedOptions {
  /** What stands between the server and the cluster. */
  readonly kubeconfig?: string;
  /** Another registry for the nodes than the environment names. */
  readonly registryPull?: string;
}

/** The built `faas up` as a process of its own, and an organization on it whose endpoints have faults to bear. */
export class Served implements AsyncDisposable {
  readonly platform: PlatformName;
  readonly org: string;
  readonly faas: FaasProcess;
  readonly #credentials: KubernetesCredentials | undefined;
  readonly #api: KubernetesApi | undefined;
  readonly #registry: { readonly push: string; readonly pull: string };
  #up!: Up;
  #sources = 0;

  private constructor(platform: PlatformName, faas: FaasProcess, { registryPull }: ServedOptions) {
    this.platform = platform;
    this.faas = faas;
    this.#credentials = platform === "kubernetes" ? KubernetesCredentials.load() : undefined;
    this.#api = this.#credentials && new KubernetesApi(this.#credentials);
    // Reaped by it when this process is killed (../cluster/run.ts).
    this.org = `faults-${process.env.FAAS_TEST_RUN ?? process.pid}-${Math.random().toString(36).slice(2, 8)}`;
    const push = process.env.FAAS_REGISTRY_PUSH ?? "";
    this.#registry = { push, pull: registryPull ?? process.env.FAAS_REGISTRY_PULL ?? push };
  }

  static async start(platform: PlatformName, options: ServedOptions = {}): Promise<Served> {
    const served = new Served(platform, await FaasProcess.create(), options);
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
    return this.#up.url;
  }

  get pid(): number {
    return this.#up.child.pid as number;
  }

  get api(): KubernetesApi {
    return this.#api as KubernetesApi;
  }

  /** What the server has logged. */
  log(): string {
    return this.#up.stderr();
  }

  /** Of these the lines from pino's `warn` on. */
  warnings(): string[] {
    return this.log()
      .split("\n")
      .filter((line) => /"level":[456]0/.test(line));
  }

  async up(): Promise<void> {
    const registry = ["--registry-push", this.#registry.push, "--registry-pull", this.#registry.pull];
    const more = this.platform === "kubernetes" ? ["--platform", "kubernetes", ...registry] : [];
    this.#up = await this.faas.up({ args: ["--log-level", "info", ...more] });
  }

  /** Builds a function of one file, and has it where the server finds it. */
  async artifact(source: string): Promise<Artifact> {
    const folder = await this.faas.source(`source-${++this.#sources}`, { "index.mjs": source });
    if (this.platform === "kubernetes") {
      const names = { org: "faas-test", endpoint: "faults", registry: this.#registry };
      return { kind: "image", reference: (await buildImage(folder, { ...names, push: true })).reference };
    }
    await using bundle = await build(folder);
    const { digest, sizeBytes, open } = bundle;
    const answer = await fetch(`${this.url}/-/bundles/${digest}`, {
      method: "PUT",
      headers: { "Content-Length": String(sizeBytes) },
      body: Readable.toWeb(open()),
      duplex: "half",
    } as RequestInit);
    assert.ok(answer.ok, `the upload was answered with ${answer.status}`);
    return { kind: "bundle", digest };
  }

  /** Deploys, and waits until it answers; rejects when it does not. */
  async deploy(name: string, artifact: Artifact, settings: SettingsInput = {}): Promise<EndpointView> {
    const path = `/-/orgs/${this.org}/endpoints/${name}`;
    const { status, body } = await this.send("PUT", path, { artifact, settings });
    assert.ok(status < 300, `${name} was not registered: ${JSON.stringify(body)}`);
    const { revision } = body as { revision: string };
    const { body: view } = await this.send("GET", `${path}?wait=${revision}&timeout=60s`);
    const { failure } = view as EndpointView;
    assert.ok(!failure, `${name} does not run: ${JSON.stringify(failure)}`);
    return view as EndpointView;
  }

  async send(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    const answer = await fetch(this.url + path, { method, headers, signal: AbortSignal.timeout(LIMIT_MS), ...sent });
    const text = await answer.text();
    return { status: answer.status, body: text === "" ? undefined : JSON.parse(text) };
  }

  async view(name: string): Promise<EndpointView> {
    return (await this.send("GET", `/-/orgs/${this.org}/endpoints/${name}`)).body as EndpointView;
  }

  async until(name: string, what: string, holds: (view: EndpointView) => boolean): Promise<EndpointView> {
    const deadline = Date.now() + LIMIT_MS;
    for (;;) {
      const view = await this.view(name);
      if (holds(view)) return view;
      if (Date.now() > deadline)
        throw new Error(`${name} is not ${what} within ${LIMIT_MS} ms: ${JSON.stringify(view)}`);
      await delay(50);
    }
  }

  ready(name: string, count: number): Promise<EndpointView> {
    return this.until(
      name,
      `ready with ${count}`,
      ({ replicas }) => replicas.length === count && replicas.every(({ ready }) => ready),
    );
  }

  /** As kill -9; on Kubernetes the function's process ends itself without a word, and its pod is deleted, so that no back-off holds up the next one. */
  async kill(id: string): Promise<void> {
    if (this.platform === "embedded") {
      const { pid } = JSON.parse(await readFile(join(this.faas.data, "run", `${id}.json`), "utf8"));
      process.kill(pid, "SIGKILL");
      return;
    }
    const namespace = `faas-${this.org}`;
    const pod = await this.api.get<V1Pod>("Pod", namespace, id.replace(/\.\d+$/, ""));
    if (pod?.status?.podIP === undefined) return;
    await fetch(`http://${pod.status.podIP}:8080/die`, { method: "POST", signal: AbortSignal.timeout(5_000) }).catch(
      () => {},
    );
    await this.api.delete("Pod", namespace, pod.metadata?.name as string);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      // What is in the cluster goes with it.
      if (this.#up) await this.send("DELETE", `/-/orgs/${this.org}`).catch(() => {});
      await this.#api?.delete("Namespace", undefined, `faas-${this.org}`);
    } finally {
      await this.faas[Symbol.asyncDispose]();
      await this.#credentials?.close();
    }
  }
}

/** An address of this machine that functions reach. */
export function addressFor(platform: PlatformName): string {
  if (platform === "embedded") return "127.0.0.1";
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return all.find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? "127.0.0.1";
}
