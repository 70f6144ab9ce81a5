import { cpus } from "node:os";
import { z } from "zod";
import type { RequestResult, Run } from "../load/request.ts";
import { type Summary, summarize } from "./summary.ts";

/** Number of ready replicas at a time. */
export interface ReplicaSample {
  /** Milliseconds after the start of the run. */
  readonly atMs: number;
  readonly ready: number;
}

/** Schedule of the requests. */
export type Load =
  | { readonly kind: "closed"; readonly threads: number; readonly iterations: number }
  | { readonly kind: "open"; readonly rate: number; readonly durationMs: number; readonly arrivals: string };

/** Run of one target under one load. */
export interface NamedRun {
  readonly name: string;
  readonly url: string;
  readonly method: string;
  readonly load: Load;
  readonly run: Run;
  readonly replicas: readonly ReplicaSample[];
}

const RESULT_VERSION = 1;

/** Content of `result.json`, described in docs/bench.md. */
export interface Result {
  readonly version: typeof RESULT_VERSION;
  /** RFC 3339, UTC. */
  readonly createdAt: string;
  readonly machine: { readonly cpu: string; readonly cpus: number; readonly node: string };
  readonly runs: readonly ResultRun[];
}

export interface ResultRun {
  readonly name: string;
  readonly url: string;
  readonly method: string;
  readonly load: Load;
  readonly durationMs: number;
  readonly busy: number;
  readonly summary: Summary;
  readonly replicas: readonly ReplicaSample[];
  readonly requests: readonly RequestResult[];
}

/** Summarizes runs. */
export function resultOf(runs: readonly NamedRun[], createdAt: Date): Result {
  const [first] = cpus();
  return {
    version: RESULT_VERSION,
    createdAt: createdAt.toISOString(),
    machine: { cpu: first?.model ?? "unknown", cpus: cpus().length, node: process.version },
    runs: runs.map(({ run, ...named }) => ({
      ...named,
      durationMs: run.durationMs,
      busy: run.busy,
      summary: summarize(run),
      requests: run.requests.toSorted((a, b) => a.startMs - b.startMs),
    })),
  };
}

/** Formats a result as JSON with a line per request, so that a pager can show a large one. Times are rounded to microseconds. */
export function formatResult(result: Result): string {
  const rows = result.runs.map(({ requests, ...run }) => {
    const lines = requests.map((request) => `    ${JSON.stringify(request, rounded)}`);
    return `  ${JSON.stringify(run, rounded).slice(0, -1)},"requests":[\n${lines.join(",\n")}\n  ]}`;
  });
  const { runs: _, ...head } = result;
  return `${JSON.stringify(head).slice(0, -1)},"runs":[\n${rows.join(",\n")}\n]}\n`;
}

const rounded = (_: string, value: unknown) => (typeof value === "number" ? Math.round(value * 1000) / 1000 : value);

const percentiles = z.looseObject({ p50: z.number(), p99: z.number(), max: z.number() }).catchall(z.number());
/** Part of a result that a comparison needs. */
const comparedSchema = z.object({
  version: z.literal(RESULT_VERSION),
  runs: z.array(
    z.object({
      name: z.string(),
      summary: z.object({
        count: z.number(),
        rate: z.number(),
        errors: z.record(z.string(), z.number()),
        latencyMs: percentiles.optional(),
      }),
    }),
  ),
});
export type ComparedResult = z.infer<typeof comparedSchema>;

/**
 * Parses the text of a `result.json`.
 *
 * @throws Error with the path of the first invalid field
 */
export function parseResult(text: string): ComparedResult {
  const parsed = comparedSchema.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(`${issue?.path.join(".") ?? ""}: ${issue?.message ?? "unknown"}`);
}
