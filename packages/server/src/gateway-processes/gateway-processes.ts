import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { FaasError, type Logger } from "@faas/core";
import type { CertificateFiles, ConnectionLimits } from "@faas/gateway";
import type { GatewaySessions } from "../gateways/session-info.ts";
import { canSharePort, freePort } from "../listen.ts";
import { GatewayProcess } from "./gateway-process.ts";
import { GatewayRecords } from "./gateway-records.ts";
import { RestartBackoff } from "./restart-backoff.ts";

/** How gateways are started. */
export interface GatewayProgram {
  /** Program and first arguments, up to the options of a gateway. */
  readonly command: readonly [program: string, ...args: string[]];
  /** Number of gateways. */
  readonly count: number;
}

export interface GatewayProcessesOptions extends GatewayProgram {
  /** Address of the control server. */
  readonly control: string;
  readonly sessions: Pick<GatewaySessions, "gone" | "expect">;
  readonly host: string;
  /** 0 for a free one. */
  readonly port: number;
  /** Port on which gateways that these ones replace listen. */
  readonly sharedWith?: number | undefined;
  readonly tls: readonly CertificateFiles[];
  readonly connections?: Partial<ConnectionLimits> | undefined;
  readonly accessLog: boolean;
  readonly logLevel: string;
  /** Private folder for the sockets of gateways. */
  readonly socketFolder: string;
  /** Folder for records of the processes. */
  readonly recordsFolder: string;
  /** Work folder of this server, relative to the data folder. */
  readonly workDir: string;
  readonly log: Logger;
}

/** Gateways in processes of their own, which share a port. One that ends by itself is started again. */
export class GatewayProcesses implements AsyncDisposable {
  readonly port: number;
  readonly #options: GatewayProcessesOptions;
  readonly #records: GatewayRecords;
  readonly #running = new Set<GatewayProcess>();
  readonly #stopping = new AbortController();
  readonly #kept: Promise<void>[] = [];
  #idleMs = 0;
  /** Ends the gateways when this process exits without stopping them, for example after a second Ctrl-C. */
  readonly #onExit = () => {
    for (const gateway of this.#running) gateway.kill();
  };

  private constructor(options: GatewayProcessesOptions, port: number) {
    this.#options = options;
    this.port = port;
    this.#records = new GatewayRecords(options.recordsFolder);
    process.once("exit", this.#onExit);
  }

  /**
   * Starts the gateways; resolves when all serve calls.
   *
   * @throws USAGE where processes cannot share a port; PORT_IN_USE, CERTIFICATE_INVALID
   */
  static async start(options: GatewayProcessesOptions): Promise<GatewayProcesses> {
    if (!canSharePort)
      throw new FaasError(
        "USAGE",
        `Several gateways share a port only on Linux, this is ${process.platform}: omit --gateways`,
      );
    const { host, port, sharedWith, count } = options;
    const ownPort = port !== 0 && port === sharedWith ? port : await freePort(host, port);
    const processes = new GatewayProcesses(options, ownPort);
    try {
      const suffix = randomBytes(2).toString("hex");
      const names = Array.from({ length: count }, (_, index) => `gateway-${index + 1}-${suffix}`);
      const gateways = names.map((name) => processes.#spawn(name));
      await Promise.all(gateways.map((gateway) => gateway.ready()));
      for (const gateway of gateways) processes.#kept.push(processes.#keep(gateway));
      return processes;
    } catch (error) {
      for (const gateway of processes.#running) gateway.kill();
      await processes[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Serves new and idle connections for this time when the gateways are stopped: others serve the same port. */
  drainFor(idleMs: number): void {
    this.#idleMs = idleMs;
  }

  /** Lets the kernel distribute connections over these gateways: those of another server, which shared the port, have ended. */
  distributeConnections(): void {
    for (const gateway of this.#running) gateway.alone();
  }

  /** Drains the gateways; resolves when they have exited. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await Promise.all(Array.from(this.#running, (gateway) => gateway.stop(this.#idleMs)));
    await Promise.all(this.#kept);
    process.off("exit", this.#onExit);
  }

  /** Starts a gateway again whenever it ends. */
  async #keep(first: GatewayProcess): Promise<void> {
    const { log } = this.#options;
    const { signal } = this.#stopping;
    const backoff = new RestartBackoff();
    let gateway = first;
    for (;;) {
      const began = performance.now();
      await gateway.ended;
      if (signal.aborted) return;
      const delayMs = backoff.next(performance.now() - began);
      log.warn({ gateway: gateway.name, pid: gateway.pid, delayMs }, "a gateway ended, and is started again");
      await delay(delayMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      gateway = this.#spawn(gateway.name);
      gateway
        .ready()
        .catch((error) => log.error({ err: error, gateway: first.name }, "a gateway could not be started"));
    }
  }

  #spawn(name: string): GatewayProcess {
    const { command, sessions, workDir } = this.#options;
    const gateway = new GatewayProcess(name, [...command, ...this.#arguments(name)]);
    this.#running.add(gateway);
    sessions.expect(name);
    const { pid } = gateway;
    if (pid !== undefined) this.#records.add(name, { pid, port: this.port, workDir });
    void gateway.ended.then(() => {
      this.#running.delete(gateway);
      this.#records.remove(name);
      sessions.gone(name);
    });
    return gateway;
  }

  #arguments(name: string): string[] {
    const { control, host, tls, connections = {}, accessLog, logLevel, socketFolder, count } = this.#options;
    const peers = `unix:${socketFolder}/${name}.sock`;
    // Each has its share: together they have the limit that one process would have.
    const share = (limit: number | undefined) => (limit === undefined ? undefined : Math.ceil(limit / count));
    const values = {
      ...{ control, name, host, port: this.port, "reuse-port": count, "peer-listen": peers, "peer-address": peers },
      ...{ "access-log": accessLog ? "on" : "off", "log-level": logLevel },
      // For the next server on the data folder, which ends them when this one was killed.
      drain: "1s",
      "max-connections": share(connections.total),
      "max-connections-per-address": share(connections.perAddress),
    };
    return [
      ...Object.entries(values).flatMap(([option, value]) =>
        value === undefined ? [] : [`--${option}`, String(value)],
      ),
      ...tls.flatMap(({ cert, key }) => ["--tls-cert", cert, "--tls-key", key]),
    ];
  }
}
