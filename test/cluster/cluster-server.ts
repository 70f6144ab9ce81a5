import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { buildImage } from "@faas/builder";
import type { EndpointView, Language, Problem, Registered, SettingsInput } from "@faas/core";
import { KubernetesApi, type KubernetesObject } from "@faas/platforms/kubernetes-api";
import { KubernetesCredentials } from "@faas/platforms/kubernetes-credentials";
import { type KubernetesServerOptions, type RunningServer, startServer } from "@faas/server";
import { LIMIT_MS, registry, uniqueName } from "./cluster.ts";

const FILES: Record<Language, string> = { node: "index.mjs", typescript: "index.ts", python: "main.py" };

/** A line of the server's own log. */
export interface ServerLine {
  readonly msg: string;
  readonly endpoint?: string;
  readonly kind?: string;
}

/** A control server in this process that runs replicas on the cluster. Disposing it removes every organization that it was given. */
export class ClusterServer implements AsyncDisposable {
  readonly api: KubernetesApi;
  readonly folder: string;
  /** Warnings, oldest first. */
  readonly log: ServerLine[] = [];
  readonly #options: KubernetesServerOptions;
  readonly #credentials: KubernetesCredentials;
  readonly #orgs: string[] = [];
  #server: RunningServer | undefined;
  #sources = 0;

  private constructor(folder: string, options: KubernetesServerOptions) {
    this.folder = folder;
    this.#options = options;
    this.#credentials = KubernetesCredentials.load();
    this.api = new KubernetesApi(this.#credentials);
  }

  static async start(options: KubernetesServerOptions = {}): Promise<ClusterServer> {
    const server = new ClusterServer(await mkdtemp(join(tmpdir(), "faas-cluster-")), options);
    await server.start();
    return server;
  }

  get url(): string {
    return this.server.url;
  }

  get server(): RunningServer {
    if (!this.#server) throw new Error("the server is stopped");
    return this.#server;
  }

  /** On the data folder that it had. */
  async start(): Promise<void> {
    this.#server = await startServer({
      dataDir: join(this.folder, "data"),
      port: 0,
      logLevel: "warn",
      logTo: { write: (line) => void this.log.push(JSON.parse(line)) },
      kubernetes: { registry, ...this.#options },
    });
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
    this.#server = undefined;
  }

  /** An organization of the test's own. */
  org(): string {
    const org = uniqueName("test");
    this.#orgs.push(org);
    return org;
  }

  /** Pushes what is built of a folder with these files; gives its reference. */
  async image(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
    const dir = join(this.folder, `source-${++this.#sources}`);
    await mkdir(dir);
    for (const [file, content] of Object.entries(files)) await writeFile(join(dir, file), content);
    const { reference } = await buildImage(dir, { org: "faas-test", endpoint: "function", registry, push: true });
    return reference;
  }

  /** Builds, pushes and registers a function; resolves when it answers, or is idle. */
  async deploy(key: string, source: string, settings: SettingsInput = {}, language: Language = "node"): Promise<void> {
    const reference = await this.image({ [FILES[language]]: source });
    const view = await this.register(key, reference, { runtime: language, ...settings });
    if (view.failure) throw new Error(`${key} does not run: ${JSON.stringify(view.failure)}`);
  }

  /** Registers an image; resolves when it answers, or has failed. */
  async register(key: string, reference: string, settings: SettingsInput = {}): Promise<EndpointView> {
    const { status, body } = await this.put(key, reference, settings);
    if (status >= 300) throw new Error(`${key} was not registered: ${body.detail}`);
    return (await (await fetch(`${this.#path(key)}?wait=${body.revision}`)).json()) as EndpointView;
  }

  /** The answer to the registration itself. */
  async put(key: string, reference: string, settings: SettingsInput = {}) {
    const answer = await fetch(this.#path(key), {
      method: "PUT",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ artifact: { kind: "image", reference }, settings }),
    });
    return { status: answer.status, body: (await answer.json()) as Partial<Registered & Problem> };
  }

  #path(key: string): string {
    const [org = "", endpoint = ""] = key.split("/");
    return `${this.url}/-/orgs/${org}/endpoints/${endpoint}`;
  }

  async view(key: string): Promise<EndpointView> {
    return (await (await fetch(this.#path(key))).json()) as EndpointView;
  }

  /** Waits for what the API shows of an endpoint. */
  until(key: string, what: string, holds: (view: EndpointView) => boolean, limitMs = LIMIT_MS): Promise<EndpointView> {
    return until(() => this.view(key), what, holds, limitMs);
  }

  async call(key: string, path = ""): Promise<string> {
    const answer = await fetch(`${this.url}/${key}${path}`);
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${key}${path} answered ${answer.status}: ${text}`);
    return text;
  }

  /** The pods of an endpoint that are not being ended. */
  async pods<T extends KubernetesObject>(key: string): Promise<readonly T[]> {
    const [org, endpoint] = key.split("/");
    const all = await this.api.list<T>("Pod", `faas-${org}`, `faas/endpoint=${endpoint}`);
    return all.filter(({ metadata }) => !metadata?.deletionTimestamp);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Whatever state the server is in, and whether it knows them.
    await this.stop();
    for (const org of this.#orgs) await this.api.delete("Namespace", undefined, `faas-${org}`);
    await this.#credentials.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Looks again and again until it holds; rejects with what was seen last. */
export async function until<T>(
  look: () => Promise<T>,
  what: string,
  holds: (seen: T) => boolean,
  limitMs = LIMIT_MS,
): Promise<T> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const seen = await look();
    if (holds(seen)) return seen;
    if (Date.now() > deadline) throw new Error(`Not seen within ${limitMs} ms: ${what}; it is ${JSON.stringify(seen)}`);
    await delay(50);
  }
}
