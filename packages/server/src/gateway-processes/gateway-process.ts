import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { FaasError, knownCode } from "@faas/core";
import type { GatewayAlone, GatewayReport, StopGateway } from "./messages.ts";

/** Time from SIGTERM to SIGKILL: longer than a gateway drains. */
const KILL_MS = 15_000;

/** A gateway that runs as a child process. */
export class GatewayProcess {
  readonly name: string;
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  readonly #ready: Promise<number>;

  /** @param command the program and its arguments */
  constructor(name: string, [program, ...args]: readonly [program: string, ...args: string[]]) {
    this.name = name;
    // In a process group of its own: Ctrl-C in a terminal stops the server, which drains its gateways.
    this.#child = spawn(program, args, { stdio: ["ignore", "ignore", "inherit", "ipc"], detached: true });
    const { promise: ended, resolve: onEnded } = Promise.withResolvers<void>();
    this.ended = ended;
    this.#child.once("exit", () => onEnded());
    this.#ready = this.#firstReport(onEnded);
    // Not every caller waits.
    this.#ready.catch(() => {});
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /**
   * Resolves with the port when the gateway serves calls.
   *
   * @throws the gateway's own error, or INTERNAL when it ends without one
   */
  ready(): Promise<number> {
    return this.#ready;
  }

  /** Makes the gateway drain; resolves when it has exited. */
  async stop(idleMs: number): Promise<void> {
    const stop: StopGateway = { type: "stop", idleMs };
    if (!this.#child.connected || !this.#child.send(stop)) this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.kill(), idleMs + KILL_MS);
    await this.ended;
    clearTimeout(timer);
  }

  /** Tells the gateway that those of another server, which shared the port, have ended. */
  alone(): void {
    if (this.#child.connected) this.#child.send({ type: "alone" } satisfies GatewayAlone);
  }

  /** Ends the process at once. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  async #firstReport(onEnded: () => void): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#child.once("message", (report: GatewayReport) => {
      if (report.type === "ready") resolve(report.port);
      else reject(new FaasError(knownCode(report.code, "INTERNAL"), report.message));
    });
    this.#child.once("error", (error) => {
      reject(error);
      onEnded();
    });
    void once(this.#child, "exit").then(
      ([code, signal]) =>
        reject(new FaasError("INTERNAL", `The gateway ${this.name} ended: ${signal ?? `exit code ${code}`}`)),
      () => {},
    );
    return promise;
  }
}
