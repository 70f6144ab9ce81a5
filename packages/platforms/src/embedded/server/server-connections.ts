import type { ChildProcess } from "node:child_process";
import { connect as connectTcp, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Connect } from "../../common/server-probe.ts";

const CONNECT_MS = 5_000;

/** Connections of the gateway to one server: the platform counts them, because it drains a server that knows nothing of draining. */
export class ServerConnections {
  readonly #dial: Connect;
  readonly #open = new Set<Socket>();
  #onLastClosed: (() => void) | undefined;

  constructor(dial: Connect) {
    this.#dial = dial;
  }

  readonly connect = async (): Promise<Socket> => {
    const socket = await this.#dial();
    socket.setNoDelay(true);
    this.#open.add(socket);
    socket.once("close", () => {
      this.#open.delete(socket);
      if (this.#open.size === 0) this.#onLastClosed?.();
    });
    return socket;
  };

  /** Resolves when all connections are closed, or after a time. */
  async closed(maxMs: number): Promise<void> {
    if (this.#open.size === 0) return;
    const aborter = new AbortController();
    const last = new Promise<void>((resolve) => (this.#onLastClosed = resolve));
    await Promise.race([last, delay(maxMs, undefined, { signal: aborter.signal }).catch(() => {})]);
    aborter.abort();
  }
}

/** Connects to a port on the loopback interface: servers that listen on "localhost" may listen on ::1 only. */
export async function dialLoopback(port: number): Promise<Socket> {
  return dial("127.0.0.1", port).catch((error) => dial("::1", port).catch(() => Promise.reject(error)));
}

function dial(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host, port, noDelay: true });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(socket);
    });
  });
}

/** A socket that is awaited. */
interface Awaited {
  readonly resolve: (socket: Socket) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** The process that runs a server in a private network (`server.pl`): opens connections to it. */
export class Supervisor {
  readonly #child: ChildProcess;
  readonly #awaited = new Map<number, Awaited>();
  #lastId = 0;
  /** Processes of the supervisor itself, which are not the server's. */
  ownPids: readonly number[];

  constructor(child: ChildProcess) {
    this.#child = child;
    this.ownPids = child.pid === undefined ? [] : [child.pid];
    child.on("message", (message, socket) => this.#receive(message, socket as Socket | undefined));
    child.once("exit", () => {
      for (const id of this.#awaited.keys()) this.#settle(id)?.reject(new Error("the server has ended"));
    });
  }

  dial(): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      const timer = setTimeout(
        () => this.#settle(id)?.reject(new Error(`no connection within ${CONNECT_MS / 1000} s`)),
        CONNECT_MS,
      ).unref();
      this.#awaited.set(id, { resolve, reject, timer });
      this.#child.send(id, (error) => error && this.#settle(id)?.reject(error));
    });
  }

  #receive(message: unknown, socket: Socket | undefined): void {
    if (typeof message === "number") {
      const awaited = this.#settle(message);
      if (socket === undefined) awaited?.reject(new Error("the connection was lost"));
      else if (awaited) awaited.resolve(socket);
      else socket.destroy();
      return;
    }
    const { id, error, own } = message as { id?: number; error?: number; own?: readonly number[] };
    if (own) this.ownPids = own;
    if (id !== undefined) this.#settle(id)?.reject(new Error(`connect failed (errno ${error})`));
  }

  #settle(id: number): Awaited | undefined {
    const awaited = this.#awaited.get(id);
    clearTimeout(awaited?.timer);
    this.#awaited.delete(id);
    return awaited;
  }
}
