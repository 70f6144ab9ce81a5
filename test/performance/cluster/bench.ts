import { spawn } from "node:child_process";
import { once } from "node:events";
import type { EndpointView } from "@faas/core";
import { KubernetesApi, KubernetesCredentials, type KubernetesObject, pathOf } from "@faas/platforms/kubernetes-client";
import { eventually, FaasProcess, HttpClient, type HttpResponse, type RunningServer } from "@faas/testing";
import { timed } from "../rig/table.ts";

export const registry = process.env.FAAS_REGISTRY_PUSH ?? "localhost:5000";
export const pullRegistry = process.env.FAAS_REGISTRY_PULL ?? registry;

/** The built `faas` with a control server that runs replicas on the cluster, in an organization of its own. */
export class Bench implements AsyncDisposable {
  readonly org = `performance-${process.pid}`;
  readonly api: KubernetesApi;
  readonly #credentials: KubernetesCredentials;
  readonly #process: FaasProcess;
  readonly #server: RunningServer;
  readonly #client: HttpClient;

  private constructor(process: FaasProcess, server: RunningServer) {
    this.#process = process;
    this.#server = server;
    this.#client = new HttpClient(server.url);
    this.#credentials = KubernetesCredentials.load();
    this.api = new KubernetesApi(this.#credentials);
  }

  static async start(): Promise<Bench> {
    // Docker and Kubernetes read their configuration from the user's home.
    const env = { HOME: process.env.HOME, FAAS_REGISTRY_PUSH: registry, FAAS_REGISTRY_PULL: pullRegistry };
    const faas = new FaasProcess({ env });
    try {
      return new Bench(faas, await faas.up({ args: ["--platform", "kubernetes", "--log-level", "warn"] }));
    } catch (error) {
      await faas[Symbol.asyncDispose]();
      throw error;
    }
  }

  get folder(): string {
    return this.#process.folder;
  }

  get url(): string {
    return this.#server.url;
  }

  get serverPid(): number {
    return this.#server.pid;
  }

  /**
   * Runs a command of `faas` to its end.
   *
   * @throws Error when the exit code is not 0
   */
  async faas(...args: string[]): Promise<void> {
    await this.#process.succeed(args);
  }

  /** Writes a folder with these files. */
  source(name: string, files: Readonly<Record<string, string>>): Promise<string> {
    return this.#process.source(name, files);
  }

  async call(endpoint: string): Promise<HttpResponse> {
    const response = await this.#client.send("GET", `/${this.org}/${endpoint}`);
    if (response.status !== 200) throw new Error(`${endpoint}: ${response.status} ${response.text}`);
    return response;
  }

  view(endpoint: string): Promise<EndpointView> {
    return this.#client.json<EndpointView>("GET", `/-/orgs/${this.org}/endpoints/${endpoint}`);
  }

  /** Calls an endpoint when its pods are gone; returns the milliseconds that the cold start took. */
  async coldCall(endpoint: string): Promise<number> {
    await this.untilGone(`faas-${this.org}`, `faas/endpoint=${endpoint}`);
    let isCold = false;
    const took = await timed(async () => {
      isCold = (await this.call(endpoint)).headers["x-cold-start"] === "true";
    });
    if (!isCold) throw new Error(`${endpoint} was not cold`);
    return took;
  }

  /** Waits until no pod with the label exists, terminating ones included. */
  async untilGone(namespace: string, selector: string): Promise<void> {
    const isGone = async () => (await this.api.list<KubernetesObject>("Pod", namespace, selector)).length === 0;
    await eventually(`no pod of ${selector}`, isGone, { intervalMs: 50 });
  }

  /** Sets the number of replicas of a Deployment that faas does not manage. */
  async scale(namespace: string, deployment: string, replicas: number): Promise<void> {
    await this.api.call("PATCH", `${pathOf("Deployment", namespace, deployment)}/scale`, {
      body: { spec: { replicas } },
      contentType: "application/merge-patch+json",
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.faas("remove", this.org, "--all", "--yes").catch(() => {});
    this.#client[Symbol.dispose]();
    await this.#process[Symbol.asyncDispose]();
    await this.#credentials.close();
  }
}

/**
 * Runs a command to its end.
 *
 * @throws Error with the end of stderr when the exit code is not 0
 */
export async function run(command: string, args: readonly string[], cwd: string, env = process.env): Promise<void> {
  const child = spawn(command, args, { cwd, env, stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr.on("data", (chunk) => {
    stderr = (stderr + chunk).slice(-4000);
  });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with exit code ${code}:\n${stderr}`);
}
