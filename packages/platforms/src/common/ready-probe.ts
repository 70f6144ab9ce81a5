import { existsSync, lstatSync, renameSync, rmSync } from "node:fs";
import { request } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** Why a wait ends. One for all replicas: an error of its own keeps what was on the stack when it was made, other replicas among it, and each of these the next. */
export const OVER = new Error("it is no replica any more");

/** Where a wrapper listens: a Unix socket, or a connection that was made already. */
export type Listener = { readonly socketPath: string } | { readonly createConnection: () => Socket };

export interface ReadyAnswer {
  readonly ready: boolean;
  /** HTTP status. */
  readonly status: number;
  /** It is the answer of a wrapper of ours. */
  readonly isWrapper: boolean;
  /** Why the function does not load: the `detail` of the problem document. */
  readonly detail?: string;
}

/**
 * Asks `GET /-/ready` over the Unix socket as soon as it is there, in small steps at first: this is what a cold start waits for. The wrapper answers when
 * loading has ended. Rejects when the signal aborts. `from`: where it appears, when that is elsewhere.
 */
export async function waitUntilReady(socketPath: string, signal: AbortSignal, from = socketPath): Promise<ReadyAnswer> {
  const began = performance.now();
  for (;;) {
    signal.throwIfAborted();
    if (from !== socketPath && existsSync(from)) moveSocket(from, socketPath);
    if (existsSync(socketPath)) {
      const answer = await askReady({ socketPath }, signal).catch(() => undefined);
      if (answer) return answer;
    }
    const waited = performance.now() - began;
    await delay(waited < 300 ? 2 : waited < 2_000 ? 10 : 25, undefined, { signal });
  }
}

/** Nothing but a socket: what a function puts in its place shall not lead the server elsewhere. */
function moveSocket(from: string, to: string): void {
  renameSync(from, to);
  if (!lstatSync(to).isSocket()) rmSync(to, { recursive: true, force: true });
}

/** One probe. Rejects when nothing listens, the connection breaks, or the signal aborts. */
export function askReady(listener: Listener, signal: AbortSignal): Promise<ReadyAnswer> {
  return new Promise((resolve, reject) => {
    // Without an agent, or one would make a connection of its own.
    const how = "socketPath" in listener ? { ...listener, agent: false } : listener;
    const outgoing = request({ ...how, path: "/-/ready", signal }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (piece) => (text += piece));
      response.on("error", reject);
      response.on("end", () => {
        const { statusCode: status = 0 } = response;
        const { status: said, code, detail } = parse(text);
        if (status === 200) return resolve({ ready: true, status, isWrapper: said === "ready" });
        const isWrapper = code === "FUNCTION_LOAD_FAILED";
        resolve({ ready: false, status, isWrapper, detail: detail ?? `it answered ${status} to its ready probe` });
      });
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}

function parse(text: string): { readonly status?: unknown; readonly code?: unknown; readonly detail?: string } {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}
