import assert from "node:assert/strict";
import { join } from "node:path";
import { type Artifact, type EndpointView, endpointKey, type Problem, type SettingsInput } from "@faas/core";
import { type RunningServer, startServer } from "@faas/server";
import { LIMIT_MS, registry, TestInstance } from "./cluster.ts";

/** A control server in this process whose replicas are pods, and what is sent to it over HTTP. */

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: what is in it, the test says
  readonly body: any;
  readonly problem: Problem;
}

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

const STEP_MS = 50;

/** Its organizations are reaped with it, whatever happened. */
export class ClusterControl implements AsyncDisposable {
  readonly instance: TestInstance;
  /** What the server said. */
  readonly log: readonly LogRecord[];
  readonly #log: LogRecord[] = [];
  /** The way to the cluster that the server takes; `KUBECONFIG`'s. */
  readonly #kubeconfig: string | undefined;
  /** The data folder; a test may move it while the server is stopped. */
  dataDir: string;
  #server: RunningServer | undefined;

  private constructor(instance: TestInstance, kubeconfig: string | undefined) {
    this.instance = instance;
    this.log = this.#log;
    this.#kubeconfig = kubeconfig;
    this.dataDir = join(instance.folder, "data");
  }

  /** With `between`, no other test of the process may look for the cluster meanwhile. */
  static async start(between?: (folder: string) => Promise<{ readonly kubeconfig: string }>): Promise<ClusterControl> {
    const instance = await TestInstance.make();
    const control = new ClusterControl(instance, (await between?.(instance.folder))?.kubeconfig);
    try {
      await control.start();
      return control;
    } catch (error) {
      await control[Symbol.asyncDispose]();
      throw error;
    }
  }

  get url(): string {
    assert.ok(this.#server, "the server is stopped");
    return this.#server.url;
  }

  /** On the data folder that it had. */
  async start(): Promise<void> {
    const { dataDir } = this;
    const logTo = { write: (line: string) => void this.#log.push(JSON.parse(line)) };
    const { KUBECONFIG: real } = process.env;
    if (this.#kubeconfig !== undefined) process.env.KUBECONFIG = this.#kubeconfig;
    try {
      this.#server = await startServer({ dataDir, port: 0, logLevel: "info", logTo, kubernetes: { registry } });
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

  /** Registers a revision, and waits until it answers or failed. */
  async deploy(org: string, endpoint: string, artifact: Artifact, settings: SettingsInput = {}): Promise<EndpointView> {
    const path = `/-/orgs/${org}/endpoints/${endpoint}`;
    const registered = await this.send("PUT", path, { artifact, settings });
    assert.ok(registered.status < 300, JSON.stringify(registered.body));
    return (await this.send("GET", `${path}?wait=${registered.body.revision}&timeout=60s`)).body;
  }

  async view(org: string, endpoint: string): Promise<EndpointView> {
    return (await this.send("GET", `/-/orgs/${org}/endpoints/${endpoint}`)).body;
  }

  /** Calls the endpoint through the gateway; gives the status and the text. */
  async call(org: string, endpoint: string): Promise<{ readonly status: number; readonly text: string }> {
    const answer = await fetch(`${this.url}/${endpointKey({ org, endpoint })}`);
    return { status: answer.status, text: await answer.text() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.instance[Symbol.asyncDispose]();
  }
}

/** Looks again and again until there is something to see; fails after `LIMIT_MS`. */
export async function until<T>(what: string, look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const deadline = Date.now() + LIMIT_MS;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    assert.ok(Date.now() < deadline, `not within ${LIMIT_MS / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
}
