import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { EndpointSpec, Replica } from "@faas/core";
import { SERVER_PORT, serverEnvironment } from "../../common/server-environment.ts";
import { isPortTaken, unreadyServer } from "../../common/server-failures.ts";
import { ServerProbe } from "../../common/server-probe.ts";
import type { ProcessEnd } from "../exit-reason.ts";
import { codeKey } from "../prewarm/code-slots.ts";
import { memoryRlimit } from "../sandbox/memory-rlimit.ts";
import type { ProcessFolder, Sandbox } from "../sandbox/sandbox.ts";
import { listeningPorts, processTree } from "./process-tree.ts";
import { dialLoopback, ServerConnections, Supervisor } from "./server-connections.ts";
import type { ServerNetwork } from "./server-network.ts";

/** Milliseconds for which a server may listen on other ports only, before it is reported. */
const WRONG_PORT_MS = 10_000;
const PORT_CHECK_MS = 1_000;
/** Attempts to start a server whose port another program takes. */
const MAX_PORTS = 5;

/** Options that all servers' processes share. */
export interface ServerOptions {
  readonly network: ServerNetwork;
  /** Folder with the programs `node` and `python3`, in a virtual environment of Python. */
  readonly programs: string;
  readonly cacheFolder: string;
  readonly sandbox: Sandbox | undefined;
}

/** A server of an endpoint: its command, its port, and the connections to it. */
export class ServerProgram {
  readonly connections: ServerConnections;
  readonly #id: string;
  readonly #spec: EndpointSpec;
  readonly #options: ServerOptions;
  readonly #probe: ServerProbe;
  #port: number;
  #portsTaken = 0;
  #child: ChildProcess | undefined;
  #supervisor: Supervisor | undefined;

  constructor(id: string, spec: EndpointSpec, options: ServerOptions) {
    this.#id = id;
    this.#spec = spec;
    this.#options = options;
    this.#port = this.hasOwnPort ? SERVER_PORT : options.network.takePort();
    this.connections = new ServerConnections(this.#dial);
    this.#probe = new ServerProbe(this.#dial, spec.readyPath);
  }

  get port(): number {
    return this.#port;
  }

  /** Address, which only identifies a server with a private network, and the way to connect. */
  get listener(): Required<Pick<Replica, "address" | "connect">> {
    const address = this.hasOwnPort ? `private:${this.#id}` : `127.0.0.1:${this.#port}`;
    return { address, connect: this.connections.connect };
  }

  /** False if another program may take the port. */
  get hasOwnPort(): boolean {
    return this.#options.network.mode === "private";
  }

  /**
   * Starts the command in the folder of its code.
   *
   * @param secrets values by variable name
   */
  spawn(code: string, folder: ProcessFolder, secrets: Readonly<Record<string, string>>): ChildProcess {
    const { network, programs, cacheFolder, sandbox } = this.#options;
    const cache = join(cacheFolder, sandbox ? codeKey(this.#spec) : "server");
    mkdirSync(cache, { recursive: true });
    let command = this.#spec.command as readonly [string, ...string[]];
    if (sandbox) {
      const allowed = { read: [code, dirname(programs)], write: [cache], dataBytes: memoryRlimit(this.#spec) };
      command = sandbox.commandOfServer(command, folder, allowed);
    }
    const host = network.mode === "private" ? "0.0.0.0" : "127.0.0.1";
    const folders = { code, home: folder.home, cache, programs };
    const env = serverEnvironment(this.#spec, folders, { host, port: this.port }, secrets);
    const [program, ...args] = network.command(command);
    const isSupervised = network.mode !== "shared";
    const child = spawn(program, args, {
      cwd: code,
      env,
      stdio: ["ignore", "pipe", "pipe", ...(isSupervised ? (["ipc"] as const) : [])],
      detached: true,
    });
    this.#child = child;
    if (isSupervised) this.#supervisor = new Supervisor(child);
    return child;
  }

  /**
   * Waits until it is ready. Rejects when the signal aborts.
   *
   * @param onFailure called when it listens on another port
   */
  async untilReady(signal: AbortSignal, onFailure: (end: ProcessEnd) => void): Promise<void> {
    let wrongSince: number | undefined;
    const timer = setInterval(() => {
      const ports = this.#probe.listens ? new Set() : this.#ports();
      if (ports.size === 0 || ports.has(this.port)) wrongSince = undefined;
      else wrongSince ??= Date.now();
      if (wrongSince !== undefined && Date.now() - wrongSince > WRONG_PORT_MS) onFailure(this.unready(WRONG_PORT_MS));
    }, PORT_CHECK_MS).unref();
    try {
      await this.#probe.untilReady(signal);
    } finally {
      clearInterval(timer);
    }
  }

  /** Explains why it is not ready. */
  unready(waitedMs: number): ProcessEnd {
    const { listens, status } = this.#probe;
    const { readyPath } = this.#spec;
    return unreadyServer({ port: this.port, ports: this.#ports(), listens, readyPath, status, waitedMs });
  }

  /** Resolves when it accepts a connection; rejects if it does not. */
  async probe(): Promise<void> {
    (await this.#dial()).destroy();
  }

  /** Processes whose memory counts. */
  get pids(): readonly number[] {
    const pid = this.#child?.pid;
    const own = this.#supervisor?.ownPids ?? [];
    return pid === undefined ? [] : processTree(pid).filter((each) => !own.includes(each));
  }

  /** Chooses another port, before the command is started again, if it ended because another program took the port. */
  takeAnotherPort(lastLines: readonly string[]): boolean {
    if (this.hasOwnPort || !isPortTaken(lastLines) || ++this.#portsTaken >= MAX_PORTS) return false;
    this.release();
    this.#port = this.#options.network.takePort();
    return true;
  }

  release(): void {
    if (!this.hasOwnPort) this.#options.network.releasePort(this.#port);
  }

  readonly #dial = async () => {
    if (this.#options.network.mode !== "private") {
      const socket = await dialLoopback(this.port);
      const ports = this.#probe.listens ? undefined : this.#ports();
      if (ports === undefined || ports.has(this.port) || process.platform !== "linux") return socket;
      socket.destroy();
      throw new Error("another program listens on the port");
    }
    if (this.#supervisor === undefined) throw new Error("the server was not started");
    return this.#supervisor.dial();
  };

  #ports(): ReadonlySet<number> {
    const pid = this.#child?.pid;
    return pid === undefined ? new Set() : listeningPorts(processTree(pid));
  }
}
