import { Agent } from "undici";
import { type Call, measure, type RequestResult, type Run, tlsOptions } from "./request.ts";

export interface ClosedLoopOptions extends Call {
  /** Clients that each send one request after another, on their own connection. */
  readonly threads: number;
  /** Requests per client. */
  readonly iterations: number;
  /** Ends the run early; the requests until then count. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((requests: readonly RequestResult[]) => void) | undefined;
}

/** Runs `threads` clients that send `iterations` requests each, like the experiments of the original system. */
export async function runClosedLoop(options: ClosedLoopOptions): Promise<Run> {
  const { threads, iterations, signal, onProgress } = options;
  const requests: RequestResult[] = [];
  const before = performance.eventLoopUtilization();
  const startedAt = performance.now();
  const client = async () => {
    const agent = new Agent({ connections: 1, headersTimeout: 0, bodyTimeout: 0, ...tlsOptions(options.ca) });
    for (let i = 0; i < iterations && !signal?.aborted; i++) {
      const measured = await measure(options, agent, startedAt, undefined, signal);
      if (signal?.aborted) break;
      requests.push(measured);
      onProgress?.(requests);
    }
    await agent.destroy();
  };
  await Promise.all(Array.from({ length: threads }, client));
  const durationMs = performance.now() - startedAt;
  return { requests, durationMs, busy: performance.eventLoopUtilization(before).utilization };
}
