import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { PodListener } from "./readiness-probe.ts";

/** Time between two connections. */
const STEP_MS = 1_000;
/** Time for a connection: a node that is there accepts or refuses it, however busy the pod is. */
const CONNECT_MS = 1_000;
/** Consecutive connections without a response that show that the pod's node is lost. */
const ATTEMPTS = 2;

interface SilenceOptions {
  /** @defaultValue {@link respondsToConnection} */
  readonly responds?: (pod: PodListener, signal: AbortSignal) => Promise<boolean>;
  /** @defaultValue 1,000 */
  readonly stepMs?: number;
}

/** Resolves when a pod does not respond to connections any more: its node may be lost, which closes none. Rejects when the signal aborts. */
export async function untilSilent(
  pod: PodListener,
  signal: AbortSignal,
  { responds = respondsToConnection, stepMs = STEP_MS }: SilenceOptions = {},
): Promise<void> {
  for (let silent = 0; silent < ATTEMPTS; ) {
    await delay(stepMs, undefined, { signal, ref: false });
    silent = (await responds(pod, signal)) ? 0 : silent + 1;
  }
  signal.throwIfAborted();
}

/** Tries a connection; returns true if it is accepted or refused. */
export function respondsToConnection(pod: PodListener, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ ...pod, signal });
    const settle = (responds: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(responds);
    };
    const timer = setTimeout(() => settle(false), CONNECT_MS).unref();
    socket.once("connect", () => settle(true));
    socket.on("error", ({ code }: NodeJS.ErrnoException) => settle(code === "ECONNREFUSED"));
  });
}
