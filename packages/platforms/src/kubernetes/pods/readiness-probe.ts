import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { askReady, type ReadyAnswer } from "../../common/ready-probe.ts";

/** While a pod's network comes up, packets to it are lost without a word. */
const CONNECT_MS = 100;
/** Steps at first, and after a second: a cold start waits for this. */
const STEP_MS = 5;
const LATER_STEP_MS = 25;

export interface PodListener {
  readonly host: string;
  readonly port: number;
  /** A server that is not our wrapper: it is ready when it takes a connection. */
  readonly isForeign: boolean;
}

/**
 * Asks a pod whether its function is loaded, from before anything listens there: the kubelet's own probe comes once a second, and its
 * outcome takes a way through the API server. `onConnect` is told when something listens. Rejects when the signal aborts.
 */
export async function waitUntilPodReady(
  pod: PodListener,
  signal: AbortSignal,
  onConnect: () => void,
): Promise<ReadyAnswer> {
  const began = performance.now();
  for (;;) {
    signal.throwIfAborted();
    const socket = await connected(pod, signal);
    if (socket) onConnect();
    if (socket && pod.isForeign) {
      socket.destroy();
      return { ready: true, status: 200, isWrapper: false };
    }
    // The wrapper answers when loading has ended.
    const answer = socket && (await askReady({ createConnection: () => socket }, signal).catch(() => undefined));
    socket?.destroy();
    if (answer) return answer;
    await delay(performance.now() - began < 1_000 ? STEP_MS : LATER_STEP_MS, undefined, { signal });
  }
}

function connected({ host, port }: PodListener, signal: AbortSignal): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, noDelay: true, signal });
    const timer = setTimeout(() => settle(undefined), CONNECT_MS);
    const settle = (made: Socket | undefined) => {
      clearTimeout(timer);
      if (made === undefined) socket.destroy();
      resolve(made);
    };
    socket.once("connect", () => settle(socket));
    socket.on("error", () => settle(undefined));
  });
}
