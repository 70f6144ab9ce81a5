import assert from "node:assert/strict";
import { join } from "node:path";
import type { Artifact, EndpointView, LogLine, SettingsInput } from "@faas/core";
import { type RunningServer, startServer } from "@faas/server";
import type { V1Deployment, V1Pod } from "@kubernetes/client-node";
import { registry, TestInstance } from "./cluster.ts";

/** A control server in this process that runs images on the cluster, with an organization of its own that goes with it. */
export class ClusterServer implements AsyncDisposable {
  readonly instance: TestInstance;
  readonly org: string;
  #server: RunningServer | undefined;

  private constructor(instance: TestInstance) {
    this.instance = instance;
    this.org = instance.org();
  }

  static async start(): Promise<ClusterServer> {
    const server = new ClusterServer(await TestInstance.make());
    try {
      await server.start();
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  get url(): string {
    assert.ok(this.#server, "the server is stopped");
    return this.#server.url;
  }

  /** On the data folder that it had. */
  async start(): Promise<void> {
    const dataDir = join(this.instance.folder, "data");
    this.#server = await startServer({ dataDir, port: 0, logLevel: "silent", kubernetes: { registry } });
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
    this.#server = undefined;
  }

  /** Resolves when the revision answers. */
  async deploy(endpoint: string, artifact: Artifact, settings: SettingsInput = {}): Promise<EndpointView> {
    const path = `${this.url}/-/orgs/${this.org}/endpoints/${endpoint}`;
    const put = await fetch(path, {
      method: "PUT",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ artifact, settings }),
    });
    const { revision, deploying } = (await put.json()) as EndpointView;
    assert.ok(put.ok, `the registration was answered with ${put.status}`);
    const settled = await fetch(`${path}?wait=${deploying ?? revision}&timeout=60s`);
    const view = (await settled.json()) as EndpointView;
    assert.ok(view.phase !== "deploying" && !view.failure, JSON.stringify(view));
    return view;
  }

  /** Through the gateway. */
  call(endpoint: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.url}/${this.org}/${endpoint}`, { signal: AbortSignal.timeout(60_000), ...init });
  }

  async logs(endpoint: string): Promise<LogLine[]> {
    const text = await (await fetch(`${this.url}/-/orgs/${this.org}/endpoints/${endpoint}/logs`)).text();
    return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));
  }

  async pods(endpoint: string): Promise<readonly V1Pod[]> {
    return this.instance.api.list<V1Pod>("Pod", `faas-${this.org}`, `faas/endpoint=${endpoint}`);
  }

  async deployment(endpoint: string): Promise<V1Deployment> {
    return (await this.instance.api.get<V1Deployment>("Deployment", `faas-${this.org}`, endpoint)) as V1Deployment;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.instance[Symbol.asyncDispose]();
  }
}
