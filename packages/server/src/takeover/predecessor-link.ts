import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { FaasError } from "@faas/core";
import { encodeMessage, MessageDecoder } from "@faas/gateway";
import { type Released, type ServerMessage, type SuccessorMessage, takeoverSocket } from "./messages.ts";

/** Link of a successor to the server that it replaces. When it breaks before `ready`, that server takes its role back. */
export class PredecessorLink implements Disposable {
  readonly predecessor: Released;
  /** Resolves when the server has exited; its replicas may be left if it was killed. */
  readonly gone: Promise<void>;
  readonly #socket: Socket;

  private constructor(socket: Socket, predecessor: Released) {
    this.#socket = socket;
    this.predecessor = predecessor;
    this.gone = new Promise((done) => socket.once("close", () => done()));
  }

  /**
   * Makes the server of a data folder release it; `undefined` when none runs.
   *
   * @throws STATE_LOCKED when it cannot be replaced now
   */
  static async open(dataDir: string): Promise<PredecessorLink | undefined> {
    const socket = await connectTo(takeoverSocket(dataDir));
    if (socket === undefined) return undefined;
    socket.write(encode({ type: "take-over", pid: process.pid }));
    const reply = await firstMessage(socket);
    if (reply?.type === "released") return new PredecessorLink(socket, reply);
    socket.destroy();
    // It ended meanwhile: there is nothing to take over.
    if (reply === undefined) return undefined;
    throw new FaasError("STATE_LOCKED", `The server on ${dataDir} cannot be replaced now: ${reply.reason}`);
  }

  /**
   * Tells the server that this one serves calls: it finishes those that it has, and exits.
   *
   * @param control path of a Unix socket for requests to the control API that still reach that server
   */
  ready(control: string): void {
    this.#socket.write(encode({ type: "ready", control }));
    // It may exit without this process, and this process without it.
    this.#socket.unref();
  }

  /** Closes the link: before `ready` the server takes its role back. */
  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

const encode = (message: SuccessorMessage) => encodeMessage(message);

/** Returns `undefined` when nothing listens. */
async function connectTo(path: string): Promise<Socket | undefined> {
  const socket = connect(path);
  try {
    await once(socket, "connect");
    // A server that was killed resets the connection.
    return socket.on("error", () => {});
  } catch {
    return undefined;
  }
}

/** Returns `undefined` when the connection closes before there is one. */
async function firstMessage(socket: Socket): Promise<ServerMessage | undefined> {
  const { promise, resolve } = Promise.withResolvers<ServerMessage | undefined>();
  const decoder = new MessageDecoder<ServerMessage>(resolve);
  const onData = (text: string) => decoder.push(text);
  socket.setEncoding("utf8").on("data", onData);
  socket.once("close", () => resolve(undefined));
  return promise;
}
