import { Agent } from "undici";
import { type Call, type Measured, measure, type Run, trusting } from "./measured.ts";

export interface ClosedLoopOptions extends Call {
  /** Clients that each send one request after the other, on a connection of their own. */
  readonly threads: number;
  /** Requests of each client. */
  readonly iterations: number;
  /** Ends the run; what was measured until then counts. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((requests: readonly Measured[]) => void) | undefined;
}

/** `threads` clients send `iterations` requests each, as the original system's experiments do. */
export async function runClosedLoop(options: ClosedLoopOptions): Promise<Run> {
  const { threads, iterations, signal, onProgress } = options;
  const requests: Measured[] = [];
  const before = performance.eventLoopUtilization();
  const began = performance.now();
  const client = async () => {
    const agent = new Agent({ connections: 1, headersTimeout: 0, bodyTimeout: 0, ...trusting(options.ca) });
    for (let i = 0; i < iterations && !signal?.aborted; i++) {
      const measured = await measure(options, agent, began, undefined, signal);
      if (signal?.aborted) break;
      requests.push(measured);
      onProgress?.(requests);
    }
    await agent.destroy();
  };
  await Promise.all(Array.from({ length: threads }, client));
  const durationMs = performance.now() - began;
  return { requests, durationMs, busy: performance.eventLoopUtilization(before).utilization };
}
