import { createServer, type Server, type Socket } from "node:net";
import { encodeMessage, MessageDecoder } from "@faas/gateway";
import { listenOnPath } from "../lib/unix-socket.ts";
import type { Predecessor } from "../options.ts";
import { type ServerMessage, type SuccessorMessage, takeoverSocket } from "./messages.ts";

export interface TakeoverListenerOptions {
  readonly dataDir: string;
  /** Returns why this server cannot be replaced now; `undefined` if it can. */
  readonly refusal: () => string | undefined;
  /** Gives up the data folder. */
  readonly release: () => Promise<Predecessor>;
  /** Called when the successor serves calls, with the path of a Unix socket on which it serves the control API. */
  readonly onReplaced: (control: string) => void;
  /** Called when the successor ended before it was ready: this server takes its role back. */
  readonly onAbandoned: (released: Predecessor) => void;
}

/** Waits for a successor on the Unix socket of a data folder, which only its owner can connect to. */
export class TakeoverListener implements AsyncDisposable {
  readonly #options: TakeoverListenerOptions;
  readonly #removeSocket: () => void;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #successor: Socket | undefined;

  private constructor(options: TakeoverListenerOptions, server: Server, removeSocket: () => void) {
    this.#options = options;
    this.#server = server;
    this.#removeSocket = removeSocket;
    server.on("connection", (socket) => this.#accept(socket));
  }

  /** Starts to listen. The caller holds the lock of the data folder. */
  static async open(options: TakeoverListenerOptions): Promise<TakeoverListener> {
    const server = createServer().unref();
    return new TakeoverListener(options, server, await listenOnPath(server, takeoverSocket(options.dataDir)));
  }

  /** Stops to wait for a successor. The one that has taken over learns from the end of its connection, at the end of this process, that its predecessor is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) if (socket !== this.#successor) socket.destroy();
    this.#removeSocket();
    this.#server.close();
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.unref();
    socket.setEncoding("utf8");
    socket.on("error", () => {});
    const succession = new Succession(this.#options);
    const decoder = new MessageDecoder<SuccessorMessage>((message) => {
      if (message.type === "take-over") void this.#takeOver(socket, succession);
      else if (message.type === "ready") succession.ready(message.control);
    });
    socket.on("data", (text: string) => {
      try {
        decoder.push(text);
      } catch {
        socket.destroy();
      }
    });
    socket.once("close", () => {
      this.#sockets.delete(socket);
      if (succession.closed() && this.#successor === socket) this.#successor = undefined;
    });
  }

  async #takeOver(socket: Socket, succession: Succession): Promise<void> {
    const send = (message: ServerMessage) => socket.write(encodeMessage(message));
    const reason = this.#successor ? "another server is taking over from it" : this.#options.refusal();
    if (reason !== undefined) return void send({ type: "refused", reason });
    this.#successor = socket;
    send({ type: "released", pid: process.pid, ...(await succession.release()) });
  }
}

/** Attempt of another server to take over. */
class Succession {
  readonly #options: TakeoverListenerOptions;
  #state: "new" | "releasing" | "released" | "ready" | "abandoned" = "new";
  #released: Predecessor | undefined;

  constructor(options: TakeoverListenerOptions) {
    this.#options = options;
  }

  async release(): Promise<Predecessor> {
    this.#state = "releasing";
    const released = await this.#options.release();
    this.#released = released;
    if (this.#state === "releasing") this.#state = "released";
    // The successor ended while the data folder was released.
    else this.#options.onAbandoned(released);
    return released;
  }

  ready(control: string): void {
    if (this.#state !== "released") return;
    this.#state = "ready";
    this.#options.onReplaced(control);
  }

  /** The successor has ended. Returns `false` if it had taken over. */
  closed(): boolean {
    if (this.#state === "ready") return false;
    if (this.#released && this.#state === "released") this.#options.onAbandoned(this.#released);
    this.#state = "abandoned";
    return true;
  }
}
