import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { PodListener } from "../readiness-probe.ts";

/** Time limit for a connection to a pod. */
const CONNECT_MS = 1_000;
/** Time until a connection is tried again: after a refusal, and after the first connection that the pod closed. */
const FIRST_RETRY_MS = 5;
/** Longest time until then: the pod closes connections soon, or does not respond. */
const MAX_RETRY_MS = 1_000;
/** Lifetime from which the end of a connection is ordinary: a wrapper closes idle ones. */
const ORDINARY_MS = 5_000;
/** Consecutive refused connections that show that nothing listens any more. */
const REFUSALS = 2;

/** A wrapper keeps a connection open after its response, and closes it when it drains, as it does with those of gateways. */
const REQUEST = "GET /-/ready HTTP/1.1\r\nhost: replica\r\n\r\n";

/**
 * Waits until the process of a ready wrapper has ended. That closes an open connection at once, whereas the kubelet looks at its containers once per second.
 * Only refused connections show an end: a pod that does not respond may be on an unreachable node. Rejects when the signal aborts.
 */
export async function waitForExit(pod: PodListener, signal: AbortSignal): Promise<void> {
  let refusals = 0;
  let retryMs = FIRST_RETRY_MS;
  while (refusals < REFUSALS) {
    const startedAt = performance.now();
    const outcome = await connectionEnd(pod, signal);
    signal.throwIfAborted();
    refusals = outcome === "refused" ? refusals + 1 : 0;
    if (refusals > 0 || performance.now() - startedAt >= ORDINARY_MS) retryMs = FIRST_RETRY_MS;
    if (refusals < REFUSALS)
      await delay(outcome === "silent" ? MAX_RETRY_MS : retryMs, undefined, { signal, ref: false });
    retryMs = Math.min(MAX_RETRY_MS, retryMs * 2);
  }
}

/** Connects to a pod and waits for the end of the connection. */
function connectionEnd(pod: PodListener, signal: AbortSignal): Promise<"closed" | "refused" | "silent"> {
  return new Promise((resolve) => {
    let outcome: "closed" | "refused" | "silent" = "silent";
    const socket: Socket = connect({ ...pod, noDelay: true, signal });
    const timer = setTimeout(() => socket.destroy(), CONNECT_MS).unref();
    socket.unref();
    socket.once("connect", () => {
      clearTimeout(timer);
      outcome = "closed";
      socket.write(REQUEST);
    });
    socket.on("error", ({ code }: NodeJS.ErrnoException) => {
      if (code === "ECONNREFUSED") outcome = "refused";
    });
    socket.once("close", () => {
      clearTimeout(timer);
      resolve(outcome);
    });
    socket.resume();
  });
}
