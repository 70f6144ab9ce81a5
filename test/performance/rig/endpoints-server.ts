import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { faas } from "./local-server.ts";
import { usage } from "./usage.ts";

/** A built `faas up` with `size` endpoints of `org`, all of the same image. It can be ended and started again. */
export class EndpointsServer {
  readonly org: string;
  readonly data: string;
  readonly #args: readonly string[];
  readonly #env: NodeJS.ProcessEnv;
  readonly #agent = new Agent({ keepAlive: true });
  #inspector = "";
  size = 0;
  url = "";
  image = "";
  child!: ChildProcess;

  /** @param args more of `faas up` */
  constructor(org: string, folder: string, env: NodeJS.ProcessEnv = {}, ...args: readonly string[]) {
    this.org = org;
    this.#args = args;
    this.data = join(folder, org);
    this.#env = { ...process.env, ...env, FAAS_DATA: this.data, XDG_CACHE_HOME: join(folder, "cache"), NO_COLOR: "1" };
  }

  async start(): Promise<void> {
    const args = ["--inspect=127.0.0.1:0", faas, "up", "--port", "0", "--log-level", "warn", ...this.#args];
    this.child = spawn(process.execPath, args, { env: this.#env, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    this.child.stderr?.setEncoding("utf8").on("data", (text) => (said += text));
    const ended = once(this.child, "exit").then(([code]) => Promise.reject(new Error(`faas up: ${code}: ${said}`)));
    const [url] = await Promise.race([once(this.child.stdout as NodeJS.ReadableStream, "data"), ended]);
    ended.catch(() => {});
    this.url = String(url).trim();
    this.#inspector = /ws:\/\/\S+/.exec(said)?.[0] ?? "";
  }

  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    if (!this.child || this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill(signal);
    await once(this.child, "exit");
  }

  async deploy(source: string): Promise<void> {
    const args = [faas, "deploy", source, "--org", this.org, "--endpoint", "first", "--idle-timeout", "1s"];
    const child = spawn(process.execPath, args, {
      env: { ...this.#env, FAAS_SERVER: this.url },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text) => (said += text));
    const [code] = await once(child, "close");
    if (code !== 0) throw new Error(`faas deploy: ${code}: ${said}`);
    this.image = JSON.parse(await this.ask("GET", `/-/orgs/${this.org}/endpoints/first`)).image;
  }

  /** The next endpoint, on disk when it resolves. */
  async register(): Promise<void> {
    const endpoint = `e${this.size++}`;
    const body = { org: this.org, endpoint, image: this.image, replicas: 0, idleTimeout: "1m" };
    await this.ask("POST", "/add_endpoint", JSON.stringify(body));
  }

  /** So many at a time. */
  async registerUpTo(size: number, atOnce: number): Promise<void> {
    const client = async () => {
      while (this.size < size) await this.register();
    };
    await Promise.all(Array.from({ length: atOnce }, client));
  }

  call(index: number): Promise<string> {
    return this.ask("GET", `/${this.org}/e${index}`);
  }

  ask(method: string, path: string, body?: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { "content-type": "application/json" };
      const sent = request(this.url + path, { method, headers, agent: this.#agent }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (piece) => (text += piece));
        response.on("error", reject).on("end", () => {
          if ((response.statusCode ?? 500) < 300) resolve(text);
          else reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`));
        });
      });
      sent.on("error", reject).end(body);
    });
  }

  /** Bytes that are in use, and resident, after a collection of garbage. */
  async memory(): Promise<{ readonly used: number; readonly resident: number }> {
    await collectGarbage(this.#inspector);
    const metrics = await this.ask("GET", "/-/metrics");
    const value = (name: string) => Number(new RegExp(`^${name} (\\S+)`, "m").exec(metrics)?.[1]);
    const used = value("nodejs_heap_size_used_bytes") + value("nodejs_external_memory_bytes");
    return { used, resident: (await usage(this.child.pid as number)).residentMiB * 2 ** 20 };
  }
}

/** Through the inspector of the process (Chrome DevTools Protocol, `HeapProfiler.collectGarbage`). */
async function collectGarbage(inspector: string): Promise<void> {
  const socket = new WebSocket(inspector);
  await once(socket, "open");
  socket.send(JSON.stringify({ id: 1, method: "HeapProfiler.collectGarbage" }));
  await once(socket, "message");
  socket.close();
}
