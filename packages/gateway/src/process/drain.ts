import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import type { HttpServer } from "../http/server.ts";
import { steerConnections } from "./steer-connections.ts";

export interface DrainOptions {
  /**
   * Time for which new and idle connections are still served, when others serve the same address: clients learn from `Connection: close` that they have to
   * connect again, and load balancers that this server is no longer one of those that they choose from.
   *
   * @defaultValue 0
   */
  readonly idleMs?: number;
  /**
   * Time for requests in flight after that.
   *
   * @defaultValue 10 s
   */
  readonly finishMs?: number;
  /**
   * Number of sockets, this one included, that listened on the port before those of a successor: new connections are steered to the successor. Absent: there is
   * none.
   */
  readonly sharers?: number | undefined;
  /** Ends the time for idle connections. */
  readonly hurry?: AbortSignal;
}

const FINISH_MS = 10_000;
const SWEEP_MS = 50;
/** A turn of the event loop that takes longer may have left connections unaccepted. */
const QUIET_TURN_MS = 1;
/** Turns to wait for a quiet one. */
const MAX_TURNS = 1_000;

/**
 * Stops a server without failing a request, as far as HTTP allows: from now on each response says that its connection closes; idle connections and the
 * listener follow after `idleMs`, and requests in flight have `finishMs` to end.
 */
export async function drain(server: HttpServer, options: DrainOptions = {}): Promise<void> {
  const { idleMs = 0, finishMs = FINISH_MS, sharers, hurry } = options;
  const { clients } = server;
  clients.announceClose();
  if (sharers !== undefined) await steerConnections(server, sharers);
  if (idleMs > 0) {
    await delay(idleMs, undefined, hurry ? { signal: hurry } : {}).catch(() => {});
    await quietTurn(server);
  }
  const timer = setTimeout(() => clients.closeAll(), finishMs);
  // A connection becomes idle only when its response is sent, which no event reports.
  const sweep = setInterval(() => clients.closeIdle(), SWEEP_MS);
  await new Promise((done) => server.close(done));
  clearTimeout(timer);
  clearInterval(sweep);
}

/**
 * Resolves just after the event loop has accepted all connections: the kernel resets those that are not accepted when the listener closes, even when other
 * sockets listen on the same port (unless net.ipv4.tcp_migrate_req is set). Where connections could be steered, there are none.
 */
async function quietTurn(server: HttpServer): Promise<void> {
  let accepted = false;
  const onConnection = () => {
    accepted = true;
  };
  server.on("connection", onConnection);
  for (let turn = 0; turn < MAX_TURNS; turn++) {
    accepted = false;
    const began = performance.now();
    await nextTurn();
    if (!accepted && performance.now() - began < QUIET_TURN_MS) break;
  }
  server.off("connection", onConnection);
}
