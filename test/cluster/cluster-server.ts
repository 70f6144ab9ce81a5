import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { buildImage } from "@faas/builder";
import type { EndpointView, Language, SettingsInput } from "@faas/core";
import { KubernetesApi, type KubernetesObject } from "@faas/platforms/kubernetes-api";
import { KubernetesCredentials } from "@faas/platforms/kubernetes-credentials";
import { type RunningServer, startServer } from "@faas/server";
import { LIMIT_MS, registry } from "./cluster.ts";

const FILES: Record<Language, string> = { node: "index.mjs", typescript: "index.ts", python: "main.py" };

/** A control server in this process that runs replicas on the cluster. Disposing it removes every organization that it was given. */
export class ClusterServer implements AsyncDisposable {
  readonly api: KubernetesApi;
  readonly folder: string;
  readonly server: RunningServer;
  readonly #credentials: KubernetesCredentials;
  readonly #orgs: string[] = [];
  #sources = 0;

  private constructor(folder: string, server: RunningServer) {
    this.folder = folder;
    this.server = server;
    this.#credentials = KubernetesCredentials.load();
    this.api = new KubernetesApi(this.#credentials);
  }

  static async start(): Promise<ClusterServer> {
    const folder = await mkdtemp(join(tmpdir(), "faas-cluster-"));
    const dataDir = join(folder, "data");
    const server = await startServer({ dataDir, port: 0, logLevel: "silent", kubernetes: { registry } });
    return new ClusterServer(folder, server);
  }

  get url(): string {
    return this.server.url;
  }

  /** An organization of the test's own. */
  org(): string {
    const org = `test-${process.pid}-${randomBytes(3).toString("hex")}`;
    this.#orgs.push(org);
    return org;
  }

  /** Builds, pushes and registers a function; resolves when it answers, or is idle. */
  async deploy(key: string, source: string, settings: SettingsInput = {}, language: Language = "node"): Promise<void> {
    const [org = "", endpoint = ""] = key.split("/");
    const dir = join(this.folder, `source-${++this.#sources}`);
    await mkdir(dir);
    await writeFile(join(dir, FILES[language]), source);
    const { reference } = await buildImage(dir, { org: "faas-test", endpoint: "function", registry, push: true });
    const path = `${this.url}/-/orgs/${org}/endpoints/${endpoint}`;
    const registered = await fetch(path, {
      method: "PUT",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        artifact: { kind: "image", reference },
        settings: { runtime: language, ...settings },
      }),
    });
    const { revision, detail } = (await registered.json()) as { revision: string; detail?: string };
    if (!registered.ok) throw new Error(`${key} was not registered: ${detail}`);
    const view = (await (await fetch(`${path}?wait=${revision}`)).json()) as EndpointView;
    if (view.failure) throw new Error(`${key} does not run: ${JSON.stringify(view.failure)}`);
  }

  async view(key: string): Promise<EndpointView> {
    const [org, endpoint] = key.split("/");
    return (await (await fetch(`${this.url}/-/orgs/${org}/endpoints/${endpoint}`)).json()) as EndpointView;
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
    for (const org of this.#orgs) await fetch(`${this.url}/-/orgs/${org}`, { method: "DELETE" }).catch(() => {});
    await this.server.stop();
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
