import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { baselines, cache, finished, pythonOfBaselines } from "./baselines.ts";
import { freePort } from "./free-port.ts";
import { root } from "./local-server.ts";

const ANSWERS_MS = 60_000;

export interface Served {
  readonly url: string;
  readonly pid: number;
}

/** Our wrappers alone, and what they and the gateway are measured against: servers on ports of their own, ended with this. */
export class Peers implements AsyncDisposable {
  readonly #folder: string;
  readonly #children: ChildProcess[] = [];

  /** @param folder what they need is written there */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Our wrapper for Node with this function. */
  async node(source: string): Promise<Served> {
    const wrapper = await this.#wrapped("node", "node/.interface.mjs", "index.mjs", source);
    return this.start(process.execPath, [wrapper]);
  }

  /** Our wrapper for Python with this function, run by the same Python as Flask. */
  async python(name: string, source: string): Promise<Served> {
    const wrapper = await this.#wrapped(name, "python/.interface.py", "main.py", source);
    return this.start(await pythonOfBaselines(), [wrapper]);
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

  /** HAProxy with one thread before the replica on this socket; as many calls at once as a replica takes, the others wait. */
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

  /** The gateway that faas comes from, with a function of its own that does nothing. */
  async original(): Promise<string> {
    const port = await freePort();
    const args = ["--local", "--port", String(port), "--db", join(this.#folder, "original.sqlite")];
    this.#spawn(await pythonOfBaselines(), [join(baselines, "seed/gateway.py"), ...args], port);
    const url = `http://127.0.0.1:${port}`;
    const body = JSON.stringify({ org: "acme", endpoint: "hello", image: "hello", replicas: 1 });
    const headers = { "Content-Type": "application/json" };
    await answering(`${url}/add_endpoint`, { method: "POST", headers, body });
    return answering(`${url}/acme/hello`);
  }

  /** A server that takes its port from `PORT`, once it answers. */
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
    ended.catch(() => {}); // Not only while it is awaited.
    return { url: await Promise.race([answering(`http://127.0.0.1:${port}/`), ended]), pid: child.pid as number };
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
    await cp(join(root, "templates", wrapper), path);
    return path;
  }
}

/** The URL, once such a request is answered with a success. */
async function answering(url: string, request: RequestInit = {}): Promise<string> {
  const deadline = Date.now() + ANSWERS_MS;
  for (;;) {
    const answer = await fetch(url, request).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.ok) return url;
    if (Date.now() > deadline) throw new Error(`${url} does not answer`);
    await delay(20);
  }
}
