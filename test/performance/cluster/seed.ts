import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { eventually, freePort } from "@faas/testing";
import type { V1Deployment } from "@kubernetes/client-node";
import { baselines } from "../rig/baselines.ts";
import { type Bench, registry, run } from "./bench.ts";

const ORG = `faas-performance-seed-${process.pid}`;

/** The rebuild of the original system, with its matrix inversion as an endpoint. */
export class Seed implements AsyncDisposable {
  /** URL of the endpoint. */
  readonly invert: string;
  readonly #url: string;
  readonly #gateway: ChildProcess;
  readonly #bench: Bench;

  private constructor(url: string, gateway: ChildProcess, bench: Bench) {
    this.invert = `${url}/${ORG}/invert`;
    this.#url = url;
    this.#gateway = gateway;
    this.#bench = bench;
  }

  /** Builds and pushes the image, and registers it with one replica; `autoscale` allows more of them. */
  static async start(bench: Bench, { autoscale = false } = {}): Promise<Seed> {
    const dir = join(bench.folder, "seed");
    await rm(dir, { recursive: true, force: true });
    await cp(join(baselines, "seed"), dir, { recursive: true });
    await run("chmod", ["-R", "u+w", dir], bench.folder);
    await run("python3", ["-m", "venv", ".venv"], dir);
    await run(join(dir, ".venv/bin/pip"), ["install", "--quiet", "--requirement", "requirements.txt"], dir);
    const image = `${registry}/faas-performance/seed:1`;
    await run("docker", ["build", "--quiet", "--build-arg", "BLAS_THREADS=1", "--tag", image, "."], dir);
    await run("docker", ["push", "--quiet", image], dir);
    const env = { ...process.env, AUTOSCALE: autoscale ? "1" : "0", ACCESS_LOG: "0" };
    const port = await freePort();
    const args = ["gateway.py", "--host", "127.0.0.1", "--port", String(port)];
    const gateway = spawn(join(dir, ".venv/bin/python"), args, { cwd: dir, env, stdio: "ignore" });
    const seed = new Seed(`http://127.0.0.1:${port}`, gateway, bench);
    try {
      await seed.#register({ org: ORG, endpoint: "invert", image, replicas: 1 });
      return seed;
    } catch (error) {
      await seed[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #register(endpoint: object): Promise<void> {
    const body = JSON.stringify(endpoint);
    const headers = { "content-type": "application/json" };
    const response = await eventually(
      "a response of the original's gateway",
      () => fetch(`${this.#url}/add_endpoint`, { method: "POST", headers, body }),
      { intervalMs: 100 },
    );
    if (!response.ok) throw new Error(`the original refused its endpoint: ${response.status} ${await response.text()}`);
  }

  /** Returns the number of ready replicas. */
  async replicas(): Promise<number> {
    const found = await this.#bench.api.list<V1Deployment>("Deployment", ORG, "");
    return found[0]?.status?.readyReplicas ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#gateway.exitCode === null) {
      this.#gateway.kill("SIGTERM");
      await once(this.#gateway, "exit");
    }
    await this.#bench.api.delete("Namespace", undefined, ORG);
    // The next one creates it again.
    const isGone = async () => !(await this.#bench.api.get("Namespace", undefined, ORG));
    await eventually(`no namespace ${ORG}`, isGone, { intervalMs: 200, timeoutMs: 120_000 });
  }
}
