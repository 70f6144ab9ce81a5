import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually, freePort } from "@faas/testing";
import { baselines, cache, finished, pythonOfBaselines } from "./baselines.ts";
import { here } from "./local-server.ts";

/** Server that listens on a port. */
export interface Served {
  readonly url: string;
  readonly pid: number;
}

/** The wrappers alone, and the servers that they and the gateway are measured against, each on a port of its own. Disposing ends all of them. */
export class Peers implements AsyncDisposable {
  readonly #folder: string;
  readonly #root: string;
  readonly #children: ChildProcess[] = [];

  /**
   * @param folder folder for the files of the servers
   * @param checkout tree with the wrappers
   */
  constructor(folder: string, { root } = here) {
    this.#folder = folder;
    this.#root = root;
  }

  /** Starts the Node wrapper with a function. */
  async node(source: string): Promise<Served> {
    const wrapper = await this.#wrapped("node", "node/.interface.mjs", "index.mjs", source);
    return this.start(process.execPath, [wrapper]);
  }

  /** Starts the Python wrapper with a function; `python` runs it. */
  async python(name: string, source: string, python: string): Promise<Served> {
    const wrapper = await this.#wrapped(name, "python/.interface.py", "main.py", source);
    return this.start(python, [wrapper]);
  }

  async functionsFramework(): Promise<Served> {
    const bin = join(cache, "node_modules/.bin/functions-framework");
    if (!existsSync(bin)) {
      const args = ["install", "--silent", "--no-audit", "--no-fund", "--prefix", cache];
      await finished("npm", [...args, "@google-cloud/functions-framework@5"]);
    }
    const source = join(baselines, "peers/functions-framework.mjs");
    return this.start(process.execPath, [bin, `--source=${source}`, "--target=peer"]);
  }

  async flask(): Promise<Served> {
    return this.start(await pythonOfBaselines(), [join(baselines, "peers/flask_function.py")]);
  }

  /** Starts HAProxy with one thread in front of the replica on this socket, with the concurrency limit of a replica. */
  async haproxy(socketPath: string): Promise<Served> {
    const port = await freePort();
    const file = join(this.#folder, `haproxy-${port}.cfg`);
    await writeFile(
      file,
      `global
    nbthread 1
    maxconn 4096
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout queue 60s
    http-reuse always
frontend gateway
    bind 127.0.0.1:${port}
    default_backend function
backend function
    server replica unix@${socketPath} maxconn 80
`,
    );
    return this.#started("haproxy", ["-db", "-f", file], port);
  }

  /** Starts the gateway of the original system, with an empty function of its own. */
  async original(): Promise<string> {
    const port = await freePort();
    const args = ["--local", "--port", String(port), "--db", join(this.#folder, "original.sqlite")];
    this.#spawn(await pythonOfBaselines(), [join(baselines, "seed/gateway.py"), ...args], port);
    const url = `http://127.0.0.1:${port}`;
    const body = JSON.stringify({ org: "acme", endpoint: "hello", image: "hello", replicas: 1 });
    const headers = { "Content-Type": "application/json" };
    await untilSuccess(`${url}/add_endpoint`, { method: "POST", headers, body });
    return untilSuccess(`${url}/acme/hello`);
  }

  /** Starts a server that takes its port from `PORT`, and waits for its first response. */
  async start(program: string, args: readonly string[]): Promise<Served> {
    return this.#started(program, args, await freePort());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGTERM");
      await once(child, "exit");
    }
  }

  async #started(program: string, args: readonly string[], port: number): Promise<Served> {
    const child = this.#spawn(program, args, port);
    const ended = once(child, "exit").then(([code]) => {
      throw new Error(`${program} ${args.join(" ")} ended with ${code}`);
    });
    ended.catch(() => {}); // It may reject after the race too.
    return { url: await Promise.race([untilSuccess(`http://127.0.0.1:${port}/`), ended]), pid: child.pid as number };
  }

  #spawn(program: string, args: readonly string[], port: number): ChildProcess {
    const own = { PORT: String(port), FAAS_CONCURRENCY: "80", ACCESS_LOG: "0", OPENBLAS_NUM_THREADS: "1" };
    const child = spawn(program, args, { env: { ...process.env, ...own }, stdio: "ignore" });
    this.#children.push(child);
    return child;
  }

  async #wrapped(name: string, wrapper: string, file: string, source: string): Promise<string> {
    const folder = join(this.#folder, name);
    await mkdir(folder);
    await writeFile(join(folder, file), source);
    const path = join(folder, wrapper.split("/").at(-1) as string);
    await cp(join(this.#root, "templates", wrapper), path);
    return path;
  }
}

/** Repeats a request until it succeeds, and returns the URL. */
async function untilSuccess(url: string, request: RequestInit = {}): Promise<string> {
  const attempt = async () => {
    const response = await fetch(url, request);
    await response.body?.cancel();
    return response.ok && url;
  };
  return eventually(`a success of ${url}`, attempt, { intervalMs: 20 });
}
