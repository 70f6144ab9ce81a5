import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { eventually } from "./eventually.ts";
import { tempDir } from "./temp-dir.ts";

const VERSION = "2.15.0";
const MODULE = "github.com/nats-io/nats-server/v2";

export interface NatsServerOptions {
  /** Lines of the configuration in addition to those for the folder. */
  readonly config?: string;
  /** @defaultValue true */
  readonly hasJetStream?: boolean;
}

/** NATS server with JetStream in a folder of its own, on a free port. */
export class NatsServer implements AsyncDisposable {
  readonly #folder: string;
  readonly #config: string;
  #child: ChildProcess | undefined;
  #port = -1;

  /** Starts one. The program is $FAAS_NATS_SERVER, or built with Go from its module, once. */
  static async start({ config = "", hasJetStream = true }: NatsServerOptions = {}): Promise<NatsServer> {
    const folder = tempDir("nats");
    const jetStream = hasJetStream ? `jetstream { store_dir: ${JSON.stringify(join(folder, "data"))} }\n` : "";
    const server = new NatsServer(folder, jetStream + config);
    await server.start();
    return server;
  }

  private constructor(folder: string, config: string) {
    this.#folder = folder;
    this.#config = config;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.#port}`;
  }

  get pid(): number {
    return this.#child?.pid as number;
  }

  /** Starts it again, on the port and with the messages that it had. */
  async start(): Promise<void> {
    const file = join(this.#folder, "nats.conf");
    const ports = join(this.#folder, "ports");
    mkdirSync(ports, { recursive: true });
    writeFileSync(file, `listen: "127.0.0.1:${this.#port}"\nports_file_dir: ${JSON.stringify(ports)}\n${this.#config}`);
    const child = spawn(natsServerProgram(), ["-c", file], { stdio: ["ignore", "ignore", "pipe"] });
    let output = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
    this.#child = child;
    await eventually("the NATS server is ready", () => {
      if (child.exitCode !== null) throw new Error(`nats-server exited: ${output}`);
      return output.includes("Server is ready");
    });
    if (this.#port >= 0) return;
    const text = await eventually("the NATS server's port", () => {
      const name = readdirSync(ports).find((each) => each.includes(`_${child.pid}.`));
      return name && /(?:nats|tls):\/\/[^"]+(?=")/.exec(readFileSync(join(ports, name), "utf8"))?.[0];
    });
    this.#port = Number(new URL(text).port);
  }

  /** Ends it at once. */
  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, "exit");
  }

  /** Sends a signal, such as SIGSTOP. */
  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/**
 * Returns the path of the program, which is built if needed.
 *
 * @throws when that is not possible
 */
export function natsServerProgram(): string {
  const given = process.env.FAAS_NATS_SERVER;
  if (given) return given;
  const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "faas", `nats-server-${VERSION}`);
  const program = join(folder, "nats-server");
  if (existsSync(program)) return program;
  const go = ["go", "/usr/local/go/bin/go"].find((each) => spawnSync(each, ["version"]).status === 0);
  if (!go)
    throw new Error(
      `Expected nats-server ${VERSION} in FAAS_NATS_SERVER, or Go, with which it can be built, got neither: install one of them`,
    );
  const building = `${folder}.${process.pid}`;
  mkdirSync(building, { recursive: true });
  execFileSync(go, ["install", `${MODULE}@v${VERSION}`], {
    env: { ...process.env, GOBIN: building, CGO_ENABLED: "0" },
    stdio: ["ignore", "ignore", "inherit"],
  });
  mkdirSync(folder, { recursive: true });
  renameSync(join(building, "nats-server"), program);
  return program;
}
