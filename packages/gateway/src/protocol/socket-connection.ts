import type { Socket } from "node:net";
import { StringDecoder } from "node:string_decoder";
import type { LinkConnection, LinkHandlers } from "./link.ts";

/** Time for the other end to close a connection that this end has closed. */
const CLOSE_MS = 1_000;

/** Uses a connected socket as one end of a link: what was sent before `close` still arrives. */
class SocketConnection implements LinkConnection {
  readonly #socket: Socket;
  isClosed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get bufferedLength(): number {
    return this.#socket.writableLength;
  }

  send(lines: string): void {
    if (!this.isClosed && this.#socket.writable) this.#socket.write(lines);
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#socket.end();
    this.#socket.setTimeout(CLOSE_MS, () => this.#socket.destroy());
  }
}

/**
 * Makes a connected socket one end of a link.
 * @param open called with the connection; returns its handlers
 */
export function connectSocket(socket: Socket, open: (connection: LinkConnection) => LinkHandlers): void {
  const connection = new SocketConnection(socket);
  let problem: Error | undefined;
  socket.setNoDelay(true);
  socket.on("error", (error) => {
    problem = error;
  });
  const handlers = open(connection);
  // A socket of node:http has no encoding.
  const decoder = new StringDecoder("utf8");
  socket.on("data", (bytes: Buffer) => {
    if (!connection.isClosed) handlers.onText(decoder.write(bytes));
  });
  socket.on("end", () => socket.end());
  socket.on("close", () => {
    if (connection.isClosed) return;
    connection.isClosed = true;
    handlers.onClose(problem);
  });
}
