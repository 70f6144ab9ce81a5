import type { Run } from "./measured.ts";

/**
 * Runs several things in turn, in rounds and in random order within each, so that what else happens on the machine hits all alike.
 * The rounds of each become one run, whose clock stands still meanwhile. The signal ends it after the round that it is in.
 */
export async function interleave(
  runs: readonly (() => Promise<Run>)[],
  rounds: number,
  signal?: AbortSignal,
): Promise<Run[]> {
  const parts: Run[][] = runs.map(() => []);
  for (let round = 0; round < rounds && !signal?.aborted; round++) {
    for (const i of shuffled(runs.length)) {
      if (signal?.aborted) break;
      parts[i]?.push(await (runs[i] as () => Promise<Run>)());
    }
  }
  return parts.map(joined);
}

function joined(parts: readonly Run[]): Run {
  let durationMs = 0;
  const requests = parts.flatMap((part) => {
    const offset = durationMs;
    durationMs += part.durationMs;
    return part.requests.map((request) => ({ ...request, startMs: request.startMs + offset }));
  });
  return { requests, durationMs, busy: Math.max(0, ...parts.map(({ busy }) => busy)) };
}

function shuffled(length: number): number[] {
  return Array.from({ length }, (_, i) => [Math.random(), i] as const)
    .sort(([a], [b]) => a - b)
    .map(([, i]) => i);
}
