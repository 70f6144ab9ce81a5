import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { KubernetesApi, KubernetesCredentials, type KubernetesObject, pathOf } from "@faas/platforms/kubernetes-client";

const root = join(import.meta.dirname, "../../..");
export const registry = process.env.FAAS_REGISTRY_PUSH ?? "localhost:5000";
export const pullRegistry = process.env.FAAS_REGISTRY_PULL ?? registry;
const GONE_MS = 60_000;

/** The built `faas` with a control server that runs replicas on the cluster, in an organization of its own. */
export class Bench {
  readonly org = `performance-${process.pid}`;
  readonly folder: string;
  readonly api: KubernetesApi;
  readonly #credentials: KubernetesCredentials;
  readonly #env: NodeJS.ProcessEnv;
  readonly #server: ChildProcess;
  readonly url: string;

  private constructor(folder: string, env: NodeJS.ProcessEnv, server: ChildProcess, url: string) {
    this.folder = folder;
    this.#env = { ...env, FAAS_SERVER: url };
    this.#server = server;
    this.url = url;
    this.#credentials = KubernetesCredentials.load();
    this.api = new KubernetesApi(this.#credentials);
  }

  static async start(folder: string): Promise<Bench> {
    const env = { ...process.env, FAAS_REGISTRY_PUSH: registry, FAAS_REGISTRY_PULL: pullRegistry, NO_COLOR: "1" };
    const args = [
      "up",
      "--platform",
      "kubernetes",
      "--port",
      "0",
      "--data",
      join(folder, "data"),
      "--log-level",
      "warn",
    ];
    const child = spawn(process.execPath, [faas, ...args], { env, stdio: ["ignore", "pipe", "inherit"] });
    const [url] = await Promise.race([
      once(child.stdout, "data"),
      once(child, "exit").then(() => Promise.reject(new Error("the server ended"))),
    ]);
    return new Bench(folder, env, child, String(url).trim());
  }

  get serverPid(): number {
    return this.#server.pid as number;
  }

  /** Runs `faas`, or another command. */
  faas(...args: string[]): Promise<void> {
    return run(process.execPath, [faas, ...args], this.folder, this.#env);
  }

  /** A folder with these files. */
  async source(name: string, files: Readonly<Record<string, string>>): Promise<string> {
    const dir = join(this.folder, name);
    await mkdir(dir, { recursive: true });
    for (const [file, text] of Object.entries(files)) await writeFile(join(dir, file), text);
    return dir;
  }

  async call(endpoint: string): Promise<Response> {
    const answer = await fetch(`${this.url}/${this.org}/${endpoint}`);
    await answer.text();
    if (answer.status !== 200) throw new Error(`${endpoint} answered ${answer.status}`);
    return answer;
  }

  /** No pod of the label is left, ending ones included. */
  async untilGone(namespace: string, selector: string): Promise<void> {
    const deadline = Date.now() + GONE_MS;
    while ((await this.api.list<KubernetesObject>("Pod", namespace, selector)).length > 0) {
      if (Date.now() > deadline) throw new Error(`pods of ${selector} are still there`);
      await delay(50);
    }
  }

  /** Sets the number of replicas of a Deployment that is not faas'. */
  async scale(namespace: string, deployment: string, replicas: number): Promise<void> {
    await this.api.call("PATCH", `${pathOf("Deployment", namespace, deployment)}/scale`, {
      body: { spec: { replicas } },
      contentType: "application/merge-patch+json",
    });
  }

  async stop(): Promise<void> {
    await this.faas("remove", this.org, "--all", "--yes").catch(() => {});
    this.#server.kill("SIGTERM");
    await once(this.#server, "exit");
    await this.#credentials.close();
  }
}

const faas = join(root, "packages/cli/bin/faas.js");

/** Runs a command to its end; rejects with what it printed when it fails. */
export async function run(command: string, args: readonly string[], cwd: string, env = process.env): Promise<void> {
  const child = spawn(command, args, { cwd, env, stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (piece) => {
    said = (said + piece).slice(-4000);
  });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with exit code ${code}:\n${said}`);
}
