import { existsSync } from "node:fs";
import { request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";

export interface ReadyAnswer {
  readonly ready: boolean;
  /** Why the function does not load: the `detail` of the problem document. */
  readonly detail?: string;
}

/**
 * Asks `GET /-/ready` over the Unix socket as soon as it is there, in small steps at first: this is what a cold start waits for. The wrapper answers when
 * loading has ended. Rejects when the signal aborts.
 */
export async function waitUntilReady(socketPath: string, signal: AbortSignal): Promise<ReadyAnswer> {
  const began = performance.now();
  for (;;) {
    signal.throwIfAborted();
    if (existsSync(socketPath)) {
      const answer = await askReady(socketPath, signal).catch(() => undefined);
      if (answer) return answer;
    }
    const waited = performance.now() - began;
    await delay(waited < 300 ? 2 : waited < 2_000 ? 10 : 25, undefined, { signal });
  }
}

/** One probe. Rejects when nothing listens, the connection breaks, or the signal aborts. */
export function askReady(socketPath: string, signal: AbortSignal): Promise<ReadyAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path: "/-/ready", signal, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (piece) => (text += piece));
      response.on("error", reject);
      response.on("end", () => {
        if (response.statusCode === 200) return resolve({ ready: true });
        resolve({ ready: false, detail: detailOf(text) ?? `it answered ${response.statusCode} to its ready probe` });
      });
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}

function detailOf(text: string): string | undefined {
  try {
    return JSON.parse(text).detail;
  } catch {
    return undefined;
  }
}
