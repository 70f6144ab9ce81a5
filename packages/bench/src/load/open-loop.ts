import { setTimeout as delay } from "node:timers/promises";
import { Agent } from "undici";
import { type Call, measure, type RequestResult, type Run, tlsOptions } from "./request.ts";

export const arrivals = ["fixed", "poisson"] as const;
export type Arrivals = (typeof arrivals)[number];

export interface OpenLoopOptions extends Call {
  /** Requests per second. */
  readonly rate: number;
  readonly durationMs: number;
  /** `fixed`: one request every 1/rate seconds. `poisson`: independent requests, with the rate as their average. */
  readonly arrivals: Arrivals;
  /** Ends the run early; the requests until then count. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((requests: readonly RequestResult[]) => void) | undefined;
  /**
   * Random numbers from 0 to 1.
   *
   * @defaultValue Math.random
   */
  readonly random?: () => number;
}

/** Maximum concurrent requests; further ones are not sent and count as errors. */
const MAX_CONCURRENT = 10_000;

/**
 * Sends requests when they are due, independently of earlier responses. Latency counts from the due time, so that a stalled server is charged for
 * every request that waited meanwhile (no coordinated omission).
 */
export async function runOpenLoop(options: OpenLoopOptions): Promise<Run> {
  const { durationMs, signal, onProgress } = options;
  const agent = new Agent({ connections: null, headersTimeout: 0, bodyTimeout: 0, ...tlsOptions(options.ca) });
  const requests: RequestResult[] = [];
  const pending = new Set<Promise<void>>();
  const before = performance.eventLoopUtilization();
  const startedAt = performance.now();
  const send = async (dueMs: number) => {
    const measured = await measure(options, agent, startedAt, dueMs, signal);
    if (signal?.aborted) return;
    requests.push(measured);
    onProgress?.(requests);
  };
  for (const dueMs of schedule(options)) {
    const waitMs = dueMs - (performance.now() - startedAt);
    // Timers have a resolution of a millisecond: requests due within one are sent together.
    if (waitMs > 1) await delay(waitMs, undefined, { signal }).catch(() => {});
    if (signal?.aborted) break;
    if (pending.size >= MAX_CONCURRENT) {
      requests.push({
        startMs: dueMs,
        latencyMs: 0,
        status: 0,
        cold: false,
        error: "not sent: too many concurrent requests",
      });
      continue;
    }
    const sent: Promise<void> = send(dueMs).finally(() => pending.delete(sent));
    pending.add(sent);
  }
  await Promise.all(pending);
  const tookMs = signal?.aborted ? performance.now() - startedAt : Math.max(durationMs, performance.now() - startedAt);
  await agent.destroy();
  return { requests, durationMs: tookMs, busy: performance.eventLoopUtilization(before).utilization };
}

/** Yields the due time of each request, in milliseconds after the start. */
export function* schedule({ rate, durationMs, arrivals, random = Math.random }: OpenLoopOptions): Iterable<number> {
  const gapMs = 1000 / rate;
  let dueMs = 0;
  for (let sent = 1; dueMs < durationMs; sent++) {
    yield dueMs;
    dueMs = arrivals === "fixed" ? sent * gapMs : dueMs - Math.log(1 - random()) * gapMs;
  }
}
