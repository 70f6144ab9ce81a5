import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { probeReady, type ReadyResponse } from "../../common/ready-probe.ts";

/** Timeout for a connection: while a pod's network comes up, packets to it are lost silently. */
const CONNECT_MS = 100;
/** Poll interval in the first second, which a cold start waits for. */
const FAST_STEP_MS = 5;
const FAST_MS = 1_000;
const SLOW_STEP_MS = 25;

export interface PodListener {
  readonly host: string;
  readonly port: number;
  /** True for a server without a faas wrapper, which is ready when it accepts a connection. */
  readonly isForeign: boolean;
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
    if (socket && pod.isForeign) {
      socket.destroy();
      return { ready: true, status: 200, isWrapper: false };
    }
    // The wrapper responds when loading has ended.
    const response = socket && (await probeReady({ createConnection: () => socket }, signal).catch(() => undefined));
    socket?.destroy();
    if (response) return response;
    await delay(performance.now() - startedAt < FAST_MS ? FAST_STEP_MS : SLOW_STEP_MS, undefined, { signal });
  }
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
