import assert from "node:assert/strict";
import { join } from "node:path";
import type { Artifact, EndpointView, Language, LogLine, Problem, SettingsInput } from "@faas/core";
import { type KubernetesServerOptions, type RunningServer, startServer } from "@faas/server";
import type { V1Deployment, V1Pod } from "@kubernetes/client-node";
import { LIMIT_MS, registry, TestInstance } from "./cluster.ts";
import { until } from "./until.ts";

/** A control server in this process whose replicas are pods, and what is sent to it over HTTP. */

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: what is in it, the test says
  readonly body: any;
  readonly problem: Problem;
}

/** A line of the server's own log. */
export interface LogRecord {
  readonly level: number;
  readonly msg: string;
  /** "org/endpoint". */
  readonly endpoint?: string;
  readonly org?: string;
  readonly kind?: string;
  /** What somebody else changed, and who. */
  readonly fields?: readonly string[];
  readonly by?: readonly string[];
  readonly found?: number;
}

export interface ClusterServerOptions extends KubernetesServerOptions {
  /** What stands between the server and the cluster. No other test of the process may look for the cluster while the server starts. */
  readonly between?: (folder: string) => Promise<{ readonly kubeconfig: string }>;
}

/** The file of a function that is given as source, per language. */
export const SOURCE_FILES: Readonly<Record<Language, string>> = {
  node: "index.mjs",
  typescript: "index.ts",
  python: "main.py",
};

/** Endpoints go by key, "org/endpoint". Its organizations are reaped with it, whatever happened. */
export class ClusterServer implements AsyncDisposable {
  readonly instance: TestInstance;
  /** The data folder; a test may move it while the server is stopped. */
  dataDir: string;
  /** What the server said, from `info` on. */
  readonly log: LogRecord[] = [];
  readonly #options: KubernetesServerOptions;
  /** The way to the cluster that the server takes; `KUBECONFIG`'s. */
  readonly #kubeconfig: string | undefined;
  #server: RunningServer | undefined;

  private constructor(instance: TestInstance, options: KubernetesServerOptions, kubeconfig: string | undefined) {
    this.instance = instance;
    this.dataDir = join(instance.folder, "data");
    this.#options = options;
    this.#kubeconfig = kubeconfig;
  }

  static async start({ between, ...options }: ClusterServerOptions = {}): Promise<ClusterServer> {
    const instance = await TestInstance.make();
    const server = new ClusterServer(instance, options, (await between?.(instance.folder))?.kubeconfig);
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

  get api() {
    return this.instance.api;
  }

  /** An organization of the test's own. */
  org(): string {
    return this.instance.org();
  }

  /** On the data folder that it had. */
  async start(): Promise<void> {
    const { KUBECONFIG: real } = process.env;
    if (this.#kubeconfig !== undefined) process.env.KUBECONFIG = this.#kubeconfig;
    try {
      this.#server = await startServer({
        dataDir: this.dataDir,
        port: 0,
        logLevel: "info",
        logTo: { write: (line) => void this.log.push(JSON.parse(line)) },
        kubernetes: { registry, ...this.#options },
      });
    } finally {
      process.env.KUBECONFIG = real;
    }
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
    this.#server = undefined;
  }

  async send(method: string, path: string, body?: unknown): Promise<Answer> {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    const answer = await fetch(this.url + path, { method, headers, ...sent });
    const text = await answer.text();
    const parsed = text === "" ? undefined : JSON.parse(text);
    return { status: answer.status, body: parsed, problem: parsed };
  }

  /** Registers a revision, and waits until it answers or has failed. */
  async deploy(key: string, artifact: Artifact, settings: SettingsInput = {}): Promise<EndpointView> {
    const path = pathOf(key);
    const { status, body } = await this.send("PUT", path, { artifact, settings });
    assert.ok(status < 300, `${key} was not registered: ${JSON.stringify(body)}`);
    return (await this.send("GET", `${path}?wait=${body.deploying ?? body.revision}&timeout=60s`)).body;
  }

  /** The same, of this source or image, and it has to answer, or to be idle. */
  async serve(
    key: string,
    what: string | Artifact,
    settings: SettingsInput = {},
    language: Language = "node",
  ): Promise<EndpointView> {
    const isSource = typeof what === "string";
    const artifact = isSource ? await this.instance.image(what, SOURCE_FILES[language]) : what;
    const view = await this.deploy(key, artifact, isSource ? { runtime: language, ...settings } : settings);
    assert.ok(view.phase !== "deploying" && !view.failure, `${key} does not run: ${JSON.stringify(view)}`);
    return view;
  }

  async view(key: string): Promise<EndpointView> {
    return (await this.send("GET", pathOf(key))).body;
  }

  /** Waits for what the API shows of an endpoint. */
  until(key: string, what: string, holds: (view: EndpointView) => boolean, limitMs = LIMIT_MS): Promise<EndpointView> {
    return until(what, () => this.view(key), holds, limitMs);
  }

  /** Through the gateway; a path may follow the key. */
  request(target: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.url}/${target}`, { signal: AbortSignal.timeout(LIMIT_MS), ...init });
  }

  /** The same; gives the status and the text. */
  async call(target: string): Promise<{ readonly status: number; readonly text: string }> {
    const answer = await this.request(target);
    return { status: answer.status, text: await answer.text() };
  }

  /** The same; gives the text of what was answered as it should be. */
  async text(target: string): Promise<string> {
    const { status, text } = await this.call(target);
    assert.equal(status, 200, `${target} answered ${status}: ${text}`);
    return text;
  }

  /** All that are there, those that are ending too. */
  pods(key: string): Promise<readonly V1Pod[]> {
    const [org, endpoint] = key.split("/");
    return this.api.list<V1Pod>("Pod", `faas-${org}`, `faas/endpoint=${endpoint}`);
  }

  async deployment(key: string): Promise<V1Deployment> {
    const [org, endpoint = ""] = key.split("/");
    return (await this.api.get<V1Deployment>("Deployment", `faas-${org}`, endpoint)) as V1Deployment;
  }

  async logs(key: string): Promise<LogLine[]> {
    const text = await (await fetch(`${this.url}${pathOf(key)}/logs`)).text();
    return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.instance[Symbol.asyncDispose]();
  }
}

/** Of the control API. */
function pathOf(key: string): string {
  const [org, endpoint] = key.split("/");
  return `/-/orgs/${org}/endpoints/${endpoint}`;
}
