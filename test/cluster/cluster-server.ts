import assert from "node:assert/strict";
import { join } from "node:path";
import type { Artifact, EndpointView, Language, LogLine, Problem, SettingsInput } from "@faas/core";
import { type KubernetesServerOptions, type RunningServer, startServer } from "@faas/server";
import type { V1Deployment, V1Pod } from "@kubernetes/client-node";
import { LIMIT_MS, registry, TestInstance } from "./cluster.ts";
import { eventuallyHolds } from "./eventually.ts";

/** A control server in this process whose replicas are pods, and a client for it. */

export interface ApiResponse {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: depends on the request
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
  /** Fields that were changed outside faas. */
  readonly fields?: readonly string[];
  /** Field managers that changed them. */
  readonly by?: readonly string[];
  readonly found?: number;
}

export interface ClusterServerOptions extends KubernetesServerOptions {
  /** Starts a proxy to the cluster for the server. No other test of the process may read `KUBECONFIG` while the server starts. */
  readonly proxy?: (folder: string) => Promise<{ readonly kubeconfig: string }>;
}

/** The file of a function that is given as source, per language. */
export const SOURCE_FILES: Readonly<Record<Language, string>> = {
  node: "index.mjs",
  typescript: "index.ts",
  python: "main.py",
};

/** A control server with methods that take endpoints by key, "org/endpoint". Its organizations are removed with it, also after a failure. */
export class ClusterServer implements AsyncDisposable {
  readonly instance: TestInstance;
  /** Data folder; a test may move it while the server is stopped. */
  dataDir: string;
  /** Lines of the server's log, from level `info` on. */
  readonly log: LogRecord[] = [];
  readonly #options: KubernetesServerOptions;
  /** Kubeconfig of the proxy to the cluster, if there is one. */
  readonly #kubeconfig: string | undefined;
  #server: RunningServer | undefined;

  private constructor(instance: TestInstance, options: KubernetesServerOptions, kubeconfig: string | undefined) {
    this.instance = instance;
    this.dataDir = join(instance.folder, "data");
    this.#options = options;
    this.#kubeconfig = kubeconfig;
  }

  static async start({ proxy, ...options }: ClusterServerOptions = {}): Promise<ClusterServer> {
    const instance = await TestInstance.create();
    const server = new ClusterServer(instance, options, (await proxy?.(instance.folder))?.kubeconfig);
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

  /** Returns the name of an organization of this test. */
  org(): string {
    return this.instance.org();
  }

  /** Starts the server, on the data folder of its previous start. */
  async start(): Promise<void> {
    const { KUBECONFIG: original } = process.env;
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
      process.env.KUBECONFIG = original;
    }
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
    this.#server = undefined;
  }

  async send(method: string, path: string, body?: unknown): Promise<ApiResponse> {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    const response = await fetch(this.url + path, { method, headers, ...sent });
    const text = await response.text();
    const parsed = text === "" ? undefined : JSON.parse(text);
    return { status: response.status, body: parsed, problem: parsed };
  }

  /** Deploys a revision with these settings and the defaults, without keeping the previous one warm, and waits until it answers or has failed. */
  async deploy(key: string, artifact: Artifact, settings: SettingsInput = {}): Promise<EndpointView> {
    const path = pathOf(key);
    const { status, body } = await this.send("PUT", path, {
      artifact,
      settings: { keepWarm: "0s", ...settings },
      reset: true,
    });
    assert.ok(status < 300, `${key} was not registered: ${JSON.stringify(body)}`);
    return (await this.send("GET", `${path}?wait=${body.deploying ?? body.revision}&timeout=60s`)).body;
  }

  /** Deploys a source or an image, and asserts that it is ready or idle. */
  async serve(
    key: string,
    code: string | Artifact,
    settings: SettingsInput = {},
    language: Language = "node",
  ): Promise<EndpointView> {
    const isSource = typeof code === "string";
    const artifact = isSource ? await this.instance.image(code, SOURCE_FILES[language]) : code;
    const view = await this.deploy(key, artifact, isSource ? { runtime: language, ...settings } : settings);
    assert.ok(view.phase !== "deploying" && !view.failure, `${key} does not run: ${JSON.stringify(view)}`);
    return view;
  }

  async view(key: string): Promise<EndpointView> {
    return (await this.send("GET", pathOf(key))).body;
  }

  /** Waits until the API's view of an endpoint meets a condition. */
  waitFor(
    key: string,
    what: string,
    holds: (view: EndpointView) => boolean,
    limitMs = LIMIT_MS,
  ): Promise<EndpointView> {
    return eventuallyHolds(what, () => this.view(key), holds, limitMs);
  }

  /** Sends a request through the gateway; a path may follow the key. */
  request(target: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.url}/${target}`, { signal: AbortSignal.timeout(LIMIT_MS), ...init });
  }

  /** Sends a request through the gateway; returns the status and the text. */
  async call(target: string): Promise<{ readonly status: number; readonly text: string }> {
    const response = await this.request(target);
    return { status: response.status, text: await response.text() };
  }

  /** Sends a request through the gateway; returns the text of a successful response. */
  async text(target: string): Promise<string> {
    const { status, text } = await this.call(target);
    assert.equal(status, 200, `${target} answered ${status}: ${text}`);
    return text;
  }

  /** Lists the pods of an endpoint, including terminating ones. */
  pods(key: string): Promise<readonly V1Pod[]> {
    const [org, endpoint] = key.split("/");
    return this.api.list<V1Pod>("Pod", `faas-${org}`, `faas/endpoint=${endpoint}`);
  }

  async deployment(key: string): Promise<V1Deployment> {
    const [org, endpoint = ""] = key.split("/");
    return (await this.api.get<V1Deployment>("Deployment", `faas-${org}`, endpoint)) as V1Deployment;
  }

  /** Reads the log of an endpoint; a query may select lines. */
  async logs(key: string, query = ""): Promise<LogLine[]> {
    const text = await (await fetch(`${this.url}${pathOf(key)}/logs${query}`)).text();
    return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.instance[Symbol.asyncDispose]();
  }
}

/** Returns the path of an endpoint in the control API. */
function pathOf(key: string): string {
  const [org, endpoint] = key.split("/");
  return `/-/orgs/${org}/endpoints/${endpoint}`;
}
