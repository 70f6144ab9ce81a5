import type { Duplex } from "node:stream";
import type { ServedReplica } from "../endpoints/served-replica.ts";
import type { HeaderBlock } from "../http/call/header-block.ts";
import type { RoutedExchange } from "../pipeline/exchange.ts";
import { closeFrame, FrameTracker } from "./frames.ts";

/** "Service Restart" in IANA's registry of close codes: the client may connect again at once. */
const RESTART = closeFrame(1012, "service restart");
/** Time for the client to close its side after a Close frame. */
const CLOSE_MS = 2_000;

/** The open WebSockets of a server. */
export class WebSocketTunnels {
  readonly #open = new Set<Tunnel>();
  readonly #ending: AbortSignal | undefined;

  /** @param ending aborted when the server stops: its clients have to connect again */
  constructor(ending: AbortSignal | undefined) {
    this.#ending = ending;
    ending?.addEventListener("abort", () => {
      for (const tunnel of this.#open) tunnel.restart();
    });
  }

  /**
   * Answers an upgrade with the replica's 101, and passes bytes both ways until one side closes, or the key that authorized it becomes invalid. The slot
   * stays occupied until then. Throws if the replica's headers cannot be passed on.
   */
  open(exchange: RoutedExchange, headers: HeaderBlock, own: string, upstream: Duplex): void {
    const { upgrade, replica, keySignal } = exchange;
    if (!upgrade || exchange.finished) return void upstream.destroy();
    const { socket, head, protocol } = upgrade;
    let lines: string;
    try {
      lines = headers.lines() + own;
    } catch (error) {
      upstream.destroy();
      throw error;
    }
    upgrade.detach();
    exchange.call = undefined;
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n${lines}\r\n`,
      "latin1",
    );
    if (head.length > 0) upstream.write(head);
    const tunnel = new Tunnel(socket, upstream, replica);
    this.#open.add(tunnel);
    const cut = () => tunnel.cut();
    if (keySignal?.aborted) cut();
    keySignal?.addEventListener("abort", cut);
    if (this.#ending?.aborted) tunnel.restart();
    const ended = () => {
      this.#open.delete(tunnel);
      keySignal?.removeEventListener("abort", cut);
      exchange.upgradeEnded();
    };
    upstream.once("close", ended);
    socket.once("close", ended);
  }
}

/** A WebSocket between a client and a replica. */
class Tunnel {
  readonly #socket: Duplex;
  readonly #upstream: Duplex;
  readonly #replica: ServedReplica | undefined;
  /** Frames to the client. */
  readonly #frames = new FrameTracker();
  /** The client gets `RESTART` as soon as the frame before it is complete. */
  #restarting = false;
  /** The client got `RESTART`. */
  #restarted = false;

  constructor(socket: Duplex, upstream: Duplex, replica: ServedReplica | undefined) {
    this.#socket = socket;
    this.#upstream = upstream;
    this.#replica = replica;
    upstream.on("data", this.#onData);
    socket.pipe(upstream);
    upstream.pipe(socket, { end: false });
    upstream.on("error", () => upstream.destroy());
    upstream.once("end", () => this.#upstreamEnded());
    upstream.once("close", () => this.#upstreamClosed());
    socket.once("close", () => endAndDestroy(upstream));
  }

  /** Drops both connections. */
  cut(): void {
    this.#socket.destroy();
    this.#upstream.destroy();
  }

  /** Ends the WebSocket with the close code 1012, after the frame that is being sent. */
  restart(): void {
    this.#restarting = true;
    setTimeout(() => this.cut(), CLOSE_MS).unref();
    this.#sendRestart();
  }

  readonly #onData = (bytes: Buffer) => {
    this.#frames.read(bytes);
    // The pipe writes these bytes after this.
    if (this.#restarting) setImmediate(() => this.#sendRestart());
  };

  /** Sends `RESTART`, unless a frame is incomplete or the replica closed the WebSocket itself. */
  #sendRestart(): void {
    const { closed, atBoundary } = this.#frames;
    if (this.#restarted || closed || !atBoundary || !this.#socket.writable) return;
    this.#restarted = true;
    this.#upstream.off("data", this.#onData).unpipe(this.#socket).resume();
    this.#socket.end(RESTART);
  }

  /**
   * Ends the client's connection after the replica's. The process of a drained replica ended at its deadline, with the WebSocket still open. Any other end
   * is passed on as it is: without a Close frame, the client reports 1006.
   */
  #upstreamEnded(): void {
    if (this.#replica?.draining === true) this.#sendRestart();
    if (!this.#restarted) this.#socket.end();
  }

  #upstreamClosed(): void {
    this.#upstreamEnded();
    if (!this.#restarted) return void endAndDestroy(this.#socket);
    // Bytes that nobody reads would reset the connection, and the client might lose the Close frame.
    this.#socket.resume();
    setTimeout(() => this.#socket.destroy(), CLOSE_MS).unref();
  }
}

/** Destroys a socket after it has sent what was written to it. */
function endAndDestroy(socket: Duplex): void {
  if (socket.destroyed) return;
  if (socket.writableFinished) socket.destroy();
  else socket.end(() => socket.destroy());
}
