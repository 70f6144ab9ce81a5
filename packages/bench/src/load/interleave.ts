import type { Run } from "./request.ts";

/**
 * Runs several loads in rounds, in random order within each round, so that other activity on the machine affects all alike. The rounds of a load are
 * joined to one run, whose clock stops while the others run. The signal ends it after the current load.
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
  return parts.map(join);
}

function join(parts: readonly Run[]): Run {
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
