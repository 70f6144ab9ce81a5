import { once } from "node:events";
import { FaasProcess, HttpClient, type RunningServer } from "@faas/testing";
import { usage } from "./usage.ts";

/** A built `faas up` with `size` endpoints of one organization, all with the same image. It can be ended and started again. */
export class EndpointsServer implements AsyncDisposable {
  readonly org: string;
  readonly faas: FaasProcess;
  readonly #args: readonly string[];
  #server: RunningServer | undefined;
  #client: HttpClient | undefined;
  size = 0;
  image = "";

  /** @param args additional arguments of `faas up` */
  constructor(org: string, env: NodeJS.ProcessEnv = {}, ...args: readonly string[]) {
    this.org = org;
    this.faas = new FaasProcess({ env });
    this.#args = args;
  }

  get data(): string {
    return this.faas.data;
  }

  get url(): string {
    return this.#running.url;
  }

  get pid(): number {
    return this.#running.pid;
  }

  get #running(): RunningServer {
    if (!this.#server) throw new Error(`the server of ${this.org} has not been started`);
    return this.#server;
  }

  async start(): Promise<void> {
    this.#server = await this.faas.up({
      nodeArgs: ["--inspect=127.0.0.1:0"],
      args: ["--log-level", "warn", ...this.#args],
    });
    this.#client = new HttpClient(this.url);
  }

  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    this.#client?.[Symbol.dispose]();
    if (this.#server) await this.faas.kill(this.#server, signal);
  }

  async deploy(source: string): Promise<void> {
    await this.faas.succeed(["deploy", source, "--org", this.org, "--endpoint", "first", "--idle-timeout", "1s"]);
    this.image = JSON.parse(await this.#send("GET", `/-/orgs/${this.org}/endpoints/first`)).image;
  }

  /** Registers the next endpoint; it is on disk when this resolves. */
  async register(): Promise<void> {
    const endpoint = `e${this.size++}`;
    const body = { org: this.org, endpoint, image: this.image, replicas: 0, idleTimeout: "1m" };
    await this.#send("POST", "/add_endpoint", body);
  }

  /** Registers endpoints until there are `size`, with `concurrency` requests at a time. */
  async registerUpTo(size: number, concurrency: number): Promise<void> {
    const client = async () => {
      while (this.size < size) await this.register();
    };
    await Promise.all(Array.from({ length: concurrency }, client));
  }

  /** Calls an endpoint by its number. */
  call(index: number): Promise<string> {
    return this.#send("GET", `/${this.org}/e${index}`);
  }

  /** Measures the bytes in use and the resident bytes, after a garbage collection. */
  async memory(): Promise<{ readonly used: number; readonly resident: number }> {
    await collectGarbage(/ws:\/\/\S+/.exec(this.#running.stderr())?.[0] ?? "");
    const metrics = await this.#send("GET", "/-/metrics");
    const value = (name: string) => Number(new RegExp(`^${name} (\\S+)`, "m").exec(metrics)?.[1]);
    const used = value("nodejs_heap_size_used_bytes") + value("nodejs_external_memory_bytes");
    return { used, resident: (await usage(this.pid)).residentMiB * 2 ** 20 };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client?.[Symbol.dispose]();
    await this.faas[Symbol.asyncDispose]();
  }

  async #send(method: string, path: string, body?: object): Promise<string> {
    const { status, text } = await (this.#client as HttpClient).send(method, path, body);
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
    return text;
  }
}

/** Collects garbage through the inspector of the process (Chrome DevTools Protocol, `HeapProfiler.collectGarbage`). */
async function collectGarbage(inspector: string): Promise<void> {
  const socket = new WebSocket(inspector);
  await once(socket, "open");
  socket.send(JSON.stringify({ id: 1, method: "HeapProfiler.collectGarbage" }));
  await once(socket, "message");
  socket.close();
}
