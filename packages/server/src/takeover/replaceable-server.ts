import { createServer } from "node:http";
import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { FaasError } from "@faas/core";
import { controlProxy } from "@faas/gateway";
import { endOrphanGateways, killedPredecessor } from "../gateway-processes/orphan-gateways.ts";
import { listenOnPath } from "../lib/unix-socket.ts";
import { canSharePort } from "../listen.ts";
import type { Predecessor, RunningServer, ServerOptions } from "../options.ts";
import { startServer } from "../server.ts";
import { successorSocket } from "./messages.ts";
import { PredecessorLink } from "./predecessor-link.ts";
import { TakeoverListener } from "./takeover-listener.ts";
import { workDirOf } from "./work-dir.ts";

/** Time for the exit of a successor that failed. */
const EXIT_MS = 10_000;
const POLL_MS = 50;
const PREDECESSOR_RUNS = "its own predecessor has not ended yet; retry in some seconds";

export interface ReplaceableServerOptions extends Omit<ServerOptions, "predecessor"> {
  /**
   * Take over from the server that runs on the data folder, if one does: start beside it, and let it end when this one serves calls.
   *
   * @defaultValue false
   */
  readonly takeover?: boolean;
}

/** Server that another process can take over from. */
export interface ReplaceableServer
  extends Pick<RunningServer, "url" | "port" | "auth" | "adminToken" | "lost" | "stop"> {
  /** Process that this server took over from. */
  readonly replacedPid?: number;
  /** Resolves when another process has taken over and serves calls: then this one has to be stopped. */
  readonly replaced: Promise<void>;
}

/**
 * Starts a server that can be replaced without failing a call (docs/decisions/0036-takeover-on-one-machine.md).
 *
 * @throws as `startServer`; USAGE where `takeover` is not supported
 */
export async function startReplaceableServer(options: ReplaceableServerOptions): Promise<ReplaceableServer> {
  const { takeover = false, ...serverOptions } = options;
  if (takeover) checkSupport(options);
  const dataDir = resolve(options.dataDir);
  const link = takeover ? await PredecessorLink.open(dataDir) : undefined;
  const replaceable = new Replaceable(dataDir, serverOptions);
  const killed = link ? undefined : killedPredecessor(dataDir);
  try {
    await replaceable.start(link?.predecessor ?? killed);
  } catch (error) {
    link?.[Symbol.dispose]();
    throw error;
  }
  if (link) await replaceable.succeed(link);
  else if (killed) replaceable.cleanUpAfter(killed);
  return replaceable.view(link?.predecessor.pid);
}

/** @throws USAGE */
function checkSupport({ kubernetes }: ReplaceableServerOptions): void {
  if (kubernetes)
    throw new FaasError(
      "USAGE",
      "--takeover is for replicas on this machine; use faas upgrade for a server in a cluster",
    );
  if (!canSharePort) throw new FaasError("USAGE", "--takeover requires Linux, where two processes can share a port");
}

/** The present server of this process, and its relation to those before and after it. */
class Replaceable {
  readonly #dataDir: string;
  readonly #options: ServerOptions;
  readonly #lost = Promise.withResolvers<never>();
  readonly #replaced = Promise.withResolvers<void>();
  #server!: RunningServer;
  #listener!: TakeoverListener;
  /** Reason why no server can take over from this one now. */
  #refusal: string | undefined;
  /** Work after an attempt to take over that failed. */
  #recovery: Promise<void> = Promise.resolve();
  /** End of what a killed predecessor left behind. */
  #cleanup: Promise<void> = Promise.resolve();

  constructor(dataDir: string, options: ServerOptions) {
    this.#dataDir = dataDir;
    this.#options = options;
    // Not every caller listens.
    this.#lost.promise.catch(() => {});
  }

  async start(predecessor: Predecessor | undefined): Promise<void> {
    await this.#startServer(predecessor);
    try {
      this.#listener = await TakeoverListener.open({
        dataDir: this.#dataDir,
        refusal: () => this.#refusal,
        release: () => this.#server.release(),
        onReplaced: (socketPath) => {
          this.#server.forwardControl(controlProxy({ address: { socketPath } }));
          this.#replaced.resolve();
        },
        onAbandoned: (released) => this.#resume(released),
      });
    } catch (error) {
      await this.#server.stop();
      throw error;
    }
  }

  /** Lets the predecessor end. Until it has, the folder for its processes' files is in use, and nobody can take over from this server. */
  async succeed(link: PredecessorLink): Promise<void> {
    this.#refusal = PREDECESSOR_RUNS;
    const socketPath = successorSocket(this.#dataDir);
    const control = createServer(this.#server.control).unref();
    const removeSocket = await listenOnPath(control, socketPath);
    void link.gone.then(() => {
      removeSocket();
      control.close();
      control.closeAllConnections();
      this.cleanUpAfter(link.predecessor);
    });
    link.ready(socketPath);
  }

  /** Ends what a predecessor that was killed left behind: gateways, which still serve calls, and then its replicas. */
  cleanUpAfter(predecessor: Predecessor): void {
    this.#refusal = PREDECESSOR_RUNS;
    this.#cleanup = endOrphanGateways(this.#dataDir, workDirOf({ predecessor })).then(() => {
      this.#refusal = undefined;
      this.#server.cleanUpAfter(predecessor);
    });
  }

  view(replacedPid: number | undefined): ReplaceableServer {
    const { url, port, auth, adminToken } = this.#server;
    return {
      ...{ url, port, auth },
      ...(adminToken === undefined ? {} : { adminToken }),
      ...(replacedPid === undefined ? {} : { replacedPid }),
      lost: this.#lost.promise,
      replaced: this.#replaced.promise,
      stop: () => this.#stop(),
    };
  }

  async #startServer(predecessor: Predecessor | undefined): Promise<void> {
    const port = predecessor && this.#server ? { port: predecessor.port } : {};
    const server = await startServer({ ...this.#options, ...port, ...(predecessor ? { predecessor } : {}) });
    server.lost.catch((error) => this.#lost.reject(error));
    this.#server = server;
  }

  /** Takes the role back after a successor ended too early: a new server in this process takes over from the one that released the data folder. */
  #resume(released: Predecessor): void {
    const previous = this.#server;
    this.#refusal = "it takes its role back after another server failed to take over";
    this.#recovery = (async () => {
      await this.#startWhenReleased(released);
      previous.forwardControl(this.#server.control);
      await previous.stop();
      this.#server.cleanUpAfter(released);
      this.#refusal = undefined;
    })().catch((error) => this.#lost.reject(error));
  }

  /** The connection of a process that is killed closes before the process is gone. */
  async #startWhenReleased(released: Predecessor): Promise<void> {
    const deadline = performance.now() + EXIT_MS;
    for (;;) {
      try {
        return await this.#startServer(released);
      } catch (error) {
        if (!(error instanceof FaasError) || error.code !== "STATE_LOCKED" || performance.now() > deadline) throw error;
        await delay(POLL_MS);
      }
    }
  }

  async #stop(): Promise<void> {
    await this.#recovery;
    await this.#cleanup;
    await this.#server.stop();
    await this.#listener[Symbol.asyncDispose]();
  }
}
