import { request } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** Poll interval at first, which a cold start waits for, and later. */
const FAST_STEP_MS = 5;
const FAST_MS = 1_000;
const SLOW_STEP_MS = 50;
/** Timeout of a request for the ready path. */
const RESPONSE_MS = 5_000;

/** Opens a connection to a server; rejects if nothing listens. */
export type Connect = () => Promise<Socket>;

/** Probes a server, which knows nothing of faas: it is ready when it accepts a connection, or when its ready path responds with 2xx or 3xx. */
export class ServerProbe {
  readonly #connect: Connect;
  readonly #readyPath: string | undefined;
  /** True once it accepted a connection. */
  listens = false;
  /** Status of the last response of the ready path. */
  status: number | undefined;

  constructor(connect: Connect, readyPath: string | undefined) {
    this.#connect = connect;
    this.#readyPath = readyPath;
  }

  /**
   * Waits until the server is ready. Rejects when the signal aborts.
   *
   * @param onListening called when it accepts a connection
   */
  async untilReady(signal: AbortSignal, onListening?: () => void): Promise<void> {
    const startedAt = performance.now();
    for (;;) {
      signal.throwIfAborted();
      const socket = await this.#connect().catch(() => undefined);
      if (socket) {
        // A server may close the connection at any time.
        socket.on("error", () => {});
        if (!this.listens) onListening?.();
        this.listens = true;
        const isReady = await this.#isReady(socket, signal);
        socket.destroy();
        if (isReady) return;
      }
      await delay(performance.now() - startedAt < FAST_MS ? FAST_STEP_MS : SLOW_STEP_MS, undefined, { signal });
    }
  }

  async #isReady(socket: Socket, signal: AbortSignal): Promise<boolean> {
    if (this.#readyPath === undefined) return true;
    try {
      const timeout = AbortSignal.any([signal, AbortSignal.timeout(RESPONSE_MS)]);
      this.status = await statusOf(socket, this.#readyPath, timeout);
      return this.status >= 200 && this.status < 400;
    } catch {
      return false;
    }
  }
}

/** Requests a path, and returns the status of the response. */
function statusOf(socket: Socket, path: string, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ createConnection: () => socket, path, signal }, (response) => {
      response.on("error", reject).resume();
      resolve(response.statusCode ?? 0);
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}
