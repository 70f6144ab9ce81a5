import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

export const root = join(import.meta.dirname, "../../..");
export const faas = join(root, "packages/cli/bin/faas.js");

/** The built `faas up` on a free port and a data folder of its own. */
export class LocalServer implements AsyncDisposable {
  readonly folder: string;
  readonly url: string;
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #env: NodeJS.ProcessEnv;

  private constructor(folder: string, url: string, child: ChildProcess, env: NodeJS.ProcessEnv) {
    this.folder = folder;
    this.url = url;
    this.pid = child.pid as number;
    this.#child = child;
    this.#env = { ...env, FAAS_SERVER: url };
  }

  /** @param args more of `faas up` */
  static async start(...args: string[]): Promise<LocalServer> {
    const folder = await mkdtemp(join(tmpdir(), "faas-performance-"));
    const env = {
      ...process.env,
      FAAS_DATA: join(folder, "data"),
      XDG_CACHE_HOME: join(folder, "cache"),
      NO_COLOR: "1",
    };
    const child = spawn(process.execPath, [faas, "up", "--port", "0", ...args], {
      env,
      stdio: ["ignore", "pipe", "ignore"],
    });
    const [url] = await once(child.stdout, "data");
    return new LocalServer(folder, String(url).trim(), child, env);
  }

  /** Runs a command to its end; rejects when it fails. */
  async faas(...args: string[]): Promise<void> {
    const child = spawn(process.execPath, [faas, ...args], { env: this.#env, stdio: "ignore" });
    const [code] = await once(child, "exit");
    if (code !== 0) throw new Error(`faas ${args.join(" ")} ended with exit code ${code}`);
  }

  /** Deploys a function of one file as `acme/<endpoint>`. */
  async deploy(endpoint: string, file: string, source: string, ...settings: string[]): Promise<void> {
    const folder = join(this.folder, endpoint);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, file), source);
    await this.faas("deploy", folder, "--org", "acme", "--endpoint", endpoint, ...settings);
  }

  async untilIdle(endpoint: string, org = "acme"): Promise<void> {
    const deadline = Date.now() + 30_000;
    for (;;) {
      const answer = await fetch(`${this.url}/-/orgs/${org}/endpoints/${endpoint}`);
      const view = (await answer.json()) as { phase: string; replicas: unknown[] };
      if (view.phase === "idle" && view.replicas.length === 0) return;
      if (Date.now() > deadline) throw new Error(`${org}/${endpoint} does not go idle: ${JSON.stringify(view)}`);
      await delay(50);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    await once(this.#child, "exit");
    await rm(this.folder, { recursive: true, force: true });
  }
}
