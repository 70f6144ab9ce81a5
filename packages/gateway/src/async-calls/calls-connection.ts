import type { Socket } from "node:net";
import { CALLS_PING_MS, CALLS_TIMEOUT_MS } from "./calls-protocol.ts";
import { encodeFrame, type Frame, FrameDecoder } from "./frames.ts";

/** Receives what happens on a connection. */
export interface CallsHandlers<Received extends object> {
  onFrame(frame: Frame<Received>): void;
  /** Called once, when the connection is closed from either end. */
  onClose(): void;
}

/** End of a connection for asynchronous calls. It notices when the other end is gone. */
export class CallsConnection<Sent extends object, Received extends object> {
  readonly #socket: Socket;
  readonly #pinging: NodeJS.Timeout;

  /** @param head bytes that were received already */
  constructor(socket: Socket, head: Buffer, handlers: CallsHandlers<Received>) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setTimeout(CALLS_TIMEOUT_MS, () => socket.destroy());
    if (head.length > 0) socket.unshift(head);
    const decoder = new FrameDecoder<Received>();
    socket.on("data", (bytes: Buffer) => {
      try {
        for (const frame of decoder.push(bytes)) handlers.onFrame(frame);
      } catch {
        socket.destroy();
      }
    });
    socket.on("error", () => socket.destroy());
    socket.on("end", () => socket.destroy());
    socket.once("close", () => {
      clearInterval(this.#pinging);
      handlers.onClose();
    });
    this.#pinging = setInterval(() => this.#write(encodeFrame({ type: "ping" })), CALLS_PING_MS).unref();
  }

  send(head: Sent, body?: Buffer): void {
    this.#write(encodeFrame(head, body));
  }

  close(): void {
    this.#socket.destroy();
  }

  #write(bytes: Buffer): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }
}
