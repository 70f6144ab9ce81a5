import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { probeReady, type ReadyResponse } from "../../common/ready-probe.ts";
import { ServerProbe } from "../../common/server-probe.ts";

/** Timeout for a connection: while a pod's network comes up, packets to it are lost silently. */
const CONNECT_MS = 100;
/** Poll interval in the first second, which a cold start waits for. */
const FAST_STEP_MS = 5;
const FAST_MS = 1_000;
const SLOW_STEP_MS = 25;

export interface PodListener {
  readonly host: string;
  readonly port: number;
}

/**
 * Probes a pod until its function has loaded, starting before anything listens: the kubelet probes once per second, and its result takes a detour
 * through the API server. Rejects when the signal aborts.
 *
 * @param onConnect called when something listens
 */
export async function waitUntilPodReady(
  pod: PodListener,
  signal: AbortSignal,
  onConnect: () => void,
): Promise<ReadyResponse> {
  const startedAt = performance.now();
  for (;;) {
    signal.throwIfAborted();
    const socket = await tryConnect(pod, signal);
    if (socket) onConnect();
    // The wrapper responds when loading has ended.
    const response = socket && (await probeReady({ createConnection: () => socket }, signal).catch(() => undefined));
    socket?.destroy();
    if (response) return response;
    await delay(performance.now() - startedAt < FAST_MS ? FAST_STEP_MS : SLOW_STEP_MS, undefined, { signal });
  }
}

/** Returns a probe for a server without a faas wrapper. */
export function podServerProbe(pod: PodListener, readyPath: string | undefined, signal: AbortSignal): ServerProbe {
  const connectTo = async () => {
    const socket = await tryConnect(pod, signal);
    if (socket === undefined) throw new Error("the pod does not listen");
    return socket;
  };
  return new ServerProbe(connectTo, readyPath);
}

/** Ports that servers listen on by default, when they do not read PORT. */
const USUAL_PORTS = [3000, 3001, 4000, 4321, 5000, 5173, 8000, 8081, 8082, 8888, 9000, 9090];

/** Finds the usual ports that a pod listens on. */
export async function usualPortsOf(host: string): Promise<ReadonlySet<number>> {
  const signal = AbortSignal.timeout(CONNECT_MS * 2);
  const sockets = await Promise.all(USUAL_PORTS.map((port) => tryConnect({ host, port }, signal)));
  for (const socket of sockets) socket?.destroy();
  return new Set(USUAL_PORTS.filter((_, index) => sockets[index]));
}

/** Connects to a pod; returns `undefined` if that fails or takes too long. */
function tryConnect({ host, port }: PodListener, signal: AbortSignal): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, noDelay: true, signal });
    const timer = setTimeout(() => settle(undefined), CONNECT_MS);
    const settle = (connected: Socket | undefined) => {
      clearTimeout(timer);
      if (connected === undefined) socket.destroy();
      resolve(connected);
    };
    socket.once("connect", () => settle(socket));
    socket.on("error", () => settle(undefined));
  });
}
