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
   * Longest time, from the start, for which clients that have an idle connection may use it or close it, when others serve the same address. A server that
   * closes it may cut off a request that is on its way (RFC 9112 section 9.3.1), which the client must not repeat if it is a POST.
   *
   * @defaultValue 0
   */
  readonly keptMs?: number;
  /**
   * Time for requests in flight after `idleMs`.
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
/** Interval at which kept connections are looked for. */
const KEPT_STEP_MS = 200;
/** A turn of the event loop that takes longer may have left connections unaccepted. */
const QUIET_TURN_MS = 1;
/** Turns to wait for a quiet one. */
const MAX_TURNS = 1_000;

/**
 * Stops a server without failing a request, as far as HTTP allows: from now on each response says that its connection closes; idle connections and the
 * listener follow after `idleMs`, or later while clients keep connections (`keptMs`), and requests in flight have `finishMs` to end.
 */
export async function drain(server: HttpServer, options: DrainOptions = {}): Promise<void> {
  const { idleMs = 0, keptMs = 0, finishMs = FINISH_MS, sharers, hurry } = options;
  const { clients } = server;
  const beganMs = performance.now();
  const endMs = beganMs + idleMs + finishMs;
  clients.announceClose();
  if (sharers !== undefined) await steerConnections(server, sharers);
  if (idleMs > 0) {
    await pause(idleMs, hurry);
    const keptUntilMs = Math.min(beganMs + keptMs, endMs);
    while (clients.hasKept && performance.now() < keptUntilMs && !hurry?.aborted) await pause(KEPT_STEP_MS, hurry);
    await quietTurn(server);
  }
  const timer = setTimeout(() => clients.closeAll(), Math.max(1, endMs - performance.now()));
  // A connection becomes idle only when its response is sent, which no event reports.
  const sweep = setInterval(() => clients.closeIdle(), SWEEP_MS);
  await new Promise((done) => server.close(done));
  clearTimeout(timer);
  clearInterval(sweep);
}

/** Resolves after a time, or when the signal aborts. */
const pause = (ms: number, hurry: AbortSignal | undefined) =>
  delay(ms, undefined, hurry ? { signal: hurry } : {}).catch(() => {});

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
