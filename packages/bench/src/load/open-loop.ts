import { setTimeout as delay } from "node:timers/promises";
import { Agent } from "undici";
import { type Call, type Measured, measure, type Run, trusting } from "./measured.ts";

export const arrivals = ["fixed", "poisson"] as const;
export type Arrivals = (typeof arrivals)[number];

export interface OpenLoopOptions extends Call {
  /** Requests per second. */
  readonly rate: number;
  readonly durationMs: number;
  /** `fixed`: one every 1/rate seconds. `poisson`: independent of each other, so many on average. */
  readonly arrivals: Arrivals;
  /** Ends the run; what was measured until then counts. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((requests: readonly Measured[]) => void) | undefined;
  /** From 0 to 1, as Math.random. */
  readonly random?: () => number;
}

/** More unanswered requests than this are not sent: they count as errors. */
const MAX_UNANSWERED = 10_000;

/**
 * Requests come when they are due, whatever became of those before, and latency counts from then: a server that stalls is charged for
 * all that waited meanwhile (no coordinated omission).
 */
export async function runOpenLoop(options: OpenLoopOptions): Promise<Run> {
  const { durationMs, signal, onProgress } = options;
  const agent = new Agent({ connections: null, headersTimeout: 0, bodyTimeout: 0, ...trusting(options.ca) });
  const requests: Measured[] = [];
  const unanswered = new Set<Promise<void>>();
  const before = performance.eventLoopUtilization();
  const began = performance.now();
  const send = async (dueMs: number) => {
    const measured = await measure(options, agent, began, dueMs, signal);
    if (signal?.aborted) return;
    requests.push(measured);
    onProgress?.(requests);
  };
  for (const dueMs of schedule(options)) {
    const early = dueMs - (performance.now() - began);
    // Timers are exact to a millisecond: what is due within one is sent together.
    if (early > 1) await delay(early, undefined, { signal }).catch(() => {});
    if (signal?.aborted) break;
    if (unanswered.size >= MAX_UNANSWERED) {
      requests.push({ startMs: dueMs, latencyMs: 0, status: 0, cold: false, error: "not sent: too many unanswered" });
      continue;
    }
    const sent: Promise<void> = send(dueMs).finally(() => unanswered.delete(sent));
    unanswered.add(sent);
  }
  await Promise.all(unanswered);
  const tookMs = signal?.aborted ? performance.now() - began : Math.max(durationMs, performance.now() - began);
  await agent.destroy();
  return { requests, durationMs: tookMs, busy: performance.eventLoopUtilization(before).utilization };
}

/** When each request is due, milliseconds since the beginning. */
export function* schedule({ rate, durationMs, arrivals, random = Math.random }: OpenLoopOptions): Iterable<number> {
  const gapMs = 1000 / rate;
  let dueMs = 0;
  for (let sent = 1; dueMs < durationMs; sent++) {
    yield dueMs;
    dueMs = arrivals === "fixed" ? sent * gapMs : dueMs - Math.log(1 - random()) * gapMs;
  }
}
