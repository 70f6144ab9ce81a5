import { join } from "node:path";
import { type EndpointSpec, FaasError } from "@faas/core";
import type { RuntimeOptions } from "../../common/wrapper-environment.ts";
import type { IsolationMode, Sandbox } from "../sandbox/sandbox.ts";
import { createProgramFolder } from "./program-folder.ts";
import { ServerNetwork } from "./server-network.ts";
import type { ServerOptions } from "./server-program.ts";

const REACHABLE = {
  private: "",
  loopback: "all programs on this machine, also functions of other organizations, reach the servers of endpoints",
  shared: "servers of endpoints are reachable at every address that they bind, also from the network",
};

/** Prepares what servers need, before the first one is applied. */
export class ServerSupport {
  readonly #runtime: RuntimeOptions;
  readonly #sandbox: Sandbox | undefined;
  readonly #isolation: IsolationMode;
  readonly #warn: (message: string) => void;
  #preparing: Promise<ServerOptions> | undefined;
  #prepared: ServerOptions | undefined;

  constructor(
    runtime: RuntimeOptions,
    sandbox: Sandbox | undefined,
    isolation: IsolationMode = "auto",
    warn: (message: string) => void = () => {},
  ) {
    this.#runtime = runtime;
    this.#sandbox = sandbox;
    this.#isolation = isolation;
    this.#warn = warn;
  }

  /** How servers are separated from the network, for people; empty until the first one was applied. */
  get description(): string {
    return this.#prepared ? `, ${this.#prepared.network.description}` : "";
  }

  /** @throws ISOLATION_UNAVAILABLE if isolation is required and servers have no private network, INVALID_REQUEST for a server without a command */
  async check({ command }: EndpointSpec): Promise<void> {
    if (command === undefined)
      throw new FaasError(
        "INVALID_REQUEST",
        'A server needs a command that starts it: pass --command, for example --command "npm start"',
      );
    const { network } = await this.prepare();
    if (this.#isolation === "required" && network.mode !== "private")
      throw new FaasError(
        "ISOLATION_UNAVAILABLE",
        `Servers cannot have a private network on this machine: ${network.reason}`,
      );
  }

  prepare(): Promise<ServerOptions> {
    this.#preparing ??= this.#prepare();
    return this.#preparing;
  }

  /** Options of the servers' processes; `prepare` was called before. */
  readonly options = (): ServerOptions => {
    if (this.#prepared === undefined) throw new Error("no server was applied");
    return this.#prepared;
  };

  async #prepare(): Promise<ServerOptions> {
    const { cacheFolder } = this.#runtime;
    const [network, programs] = await Promise.all([
      this.#isolation === "off" ? ServerNetwork.shared("isolation is off") : ServerNetwork.find(),
      createProgramFolder(join(cacheFolder, "programs"), this.#runtime),
      this.#sandbox?.prepare("node"),
      this.#sandbox?.prepare("python"),
    ]);
    if (network.mode !== "private" && this.#isolation !== "off")
      this.#warn(`${REACHABLE[network.mode]}: ${network.reason}`);
    this.#prepared = { network, programs, cacheFolder, sandbox: this.#sandbox };
    return this.#prepared;
  }
}
