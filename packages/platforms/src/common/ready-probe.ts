import { existsSync, lstatSync, renameSync, rmSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/**
 * Abort reason for the probe of a removed replica. One error for all replicas: an error of its own would retain the objects on the stack where it was
 * created, other replicas among them, each of which would retain the next.
 */
export const REPLICA_REMOVED = new Error("the replica was removed");

/** A way to a wrapper: its Unix socket, or an open connection. */
export type Listener = { readonly socketPath: string } | { readonly createConnection: () => Socket };

export interface ReadyResponse {
  readonly ready: boolean;
  /** HTTP status. */
  readonly status: number;
  /** True for the response of a faas wrapper, false for that of any other server. */
  readonly isWrapper: boolean;
  /** True for a wrapper that waits for its function; absent otherwise. */
  readonly isWarm?: boolean;
  /** Reason why the function did not load: the `detail` of the problem document. */
  readonly detail?: string;
}

/**
 * Sends `GET /-/ready` over the Unix socket as soon as the socket exists. Polls in small steps at first, because a cold start waits for this. The
 * wrapper responds when loading has ended. Rejects when the signal aborts.
 *
 * @param from path where the wrapper creates the socket, from which it is moved
 */
export async function waitUntilReady(
  socketPath: string,
  signal: AbortSignal,
  from = socketPath,
): Promise<ReadyResponse> {
  const startedAt = performance.now();
  for (;;) {
    signal.throwIfAborted();
    if (from !== socketPath && existsSync(from)) moveSocket(from, socketPath);
    if (existsSync(socketPath)) {
      const response = await probeReady({ socketPath }, signal).catch(() => undefined);
      if (response) return response;
    }
    const waitedMs = performance.now() - startedAt;
    await delay(waitedMs < 300 ? 2 : waitedMs < 2_000 ? 10 : 25, undefined, { signal });
  }
}

/** Moves a socket, and removes anything else: a symbolic link made by a function must not lead the server elsewhere. */
function moveSocket(from: string, to: string): void {
  renameSync(from, to);
  if (!lstatSync(to).isSocket()) rmSync(to, { recursive: true, force: true });
}

/** Sends one probe. Rejects when nothing listens, the connection fails, or the signal aborts. */
export function probeReady(listener: Listener, signal: AbortSignal): Promise<ReadyResponse> {
  return new Promise((resolve, reject) => {
    // An agent would open a connection of its own.
    const connection = "socketPath" in listener ? { ...listener, agent: false } : listener;
    const outgoing = request({ ...connection, path: "/-/ready", signal }, (response) => {
      readyResponse(response, "its ready probe").then(resolve, reject);
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}

/**
 * Reads the response to a request that a wrapper answers when its function has loaded, or failed to. Rejects if it is cut short.
 *
 * @param request in words, for the detail of another response
 */
export function readyResponse(response: IncomingMessage, request: string): Promise<ReadyResponse> {
  return new Promise((resolve, reject) => {
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (chunk) => (text += chunk));
    response.on("error", reject);
    response.on("end", () => {
      const { statusCode: status = 0 } = response;
      const { status: wrapperStatus, code, detail } = parse(text);
      if (status === 200) {
        const isWarm = wrapperStatus === "warm" ? { isWarm: true } : {};
        return resolve({ ready: true, status, isWrapper: wrapperStatus === "ready", ...isWarm });
      }
      const isWrapper = code === "FUNCTION_LOAD_FAILED";
      resolve({
        ...{ ready: false, status, isWrapper },
        detail: detail ?? `it responded with status ${status} to ${request}`,
      });
    });
  });
}

function parse(text: string): { readonly status?: unknown; readonly code?: unknown; readonly detail?: string } {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}
