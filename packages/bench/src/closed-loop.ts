import { Agent, type Dispatcher, request } from "undici";

export interface ClosedLoopOptions {
  readonly url: string;
  /** GET, or POST with a body. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Clients that each send one request after the other, on a connection of their own. */
  readonly threads: number;
  /** Requests of each client. */
  readonly iterations: number;
  /** Ends the run; what was measured until then counts. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** One request. Times in milliseconds. */
export interface Measured {
  /** Since the run began. */
  readonly startMs: number;
  readonly latencyMs: number;
  /** 0: no answer came. */
  readonly status: number;
  readonly cold: boolean;
  /** Why no answer came. */
  readonly error?: string;
}

export interface Run {
  readonly requests: readonly Measured[];
  readonly durationMs: number;
}

/** `threads` clients send `iterations` requests each, as the original system's experiments do. */
export async function runClosedLoop(options: ClosedLoopOptions): Promise<Run> {
  const { threads, iterations, signal, onProgress } = options;
  const requests: Measured[] = [];
  const began = performance.now();
  const client = async () => {
    const agent = new Agent({ connections: 1, headersTimeout: 0, bodyTimeout: 0 });
    for (let i = 0; i < iterations && !signal?.aborted; i++) {
      const measured = await measure(options, agent, began);
      if (signal?.aborted) break;
      requests.push(measured);
      onProgress?.(requests.length, threads * iterations);
    }
    await agent.destroy();
  };
  await Promise.all(Array.from({ length: threads }, client));
  return { requests, durationMs: performance.now() - began };
}

async function measure(options: ClosedLoopOptions, dispatcher: Agent, began: number): Promise<Measured> {
  const { url, headers, body, signal, method = body === undefined ? "GET" : "POST" } = options;
  const start = performance.now();
  const times = () => ({ startMs: start - began, latencyMs: performance.now() - start });
  try {
    const answer = await request(url, {
      method: method as Dispatcher.HttpMethod,
      dispatcher,
      ...(headers === undefined ? {} : { headers }),
      ...(body === undefined ? {} : { body }),
      ...(signal === undefined ? {} : { signal }),
    });
    await answer.body.dump({ limit: Number.POSITIVE_INFINITY });
    return { ...times(), status: answer.statusCode, cold: answer.headers["x-cold-start"] === "true" };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { ...times(), status: 0, cold: false, error: code ?? message };
  }
}
