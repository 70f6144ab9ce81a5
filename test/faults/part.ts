import type { PlatformName } from "./served.ts";

/** What every part of `test/faults` takes and gives: one file a fault, which exports `run`. */

export interface FaultOptions {
  /** As often as docs/faults.md says; else in a few seconds, for every run of the tests. */
  readonly long: boolean;
  /** The same seed gives the same moments and choices, as far as the machine lets it. */
  readonly seed: number;
  print(line: string): void;
  /** Of the soak. */
  readonly minutes?: number;
  /** Where parts that know both are tried; without it, wherever this machine can. */
  readonly platforms?: readonly PlatformName[];
}

/** One line of the table. */
export interface Tried {
  readonly what: string;
  /** Faults that were caused. */
  readonly faults: number;
  /** What was under way meanwhile, and in which words. */
  readonly tried: number;
  readonly of: string;
  /** What was promised and not kept. */
  readonly lost: number;
  /** What there is to know besides. */
  readonly seen?: string;
}

export interface FaultResult {
  readonly tried: number;
  readonly lost: number;
  readonly rows?: readonly Tried[];
}

export type Run = (options: FaultOptions) => Promise<FaultResult>;

/** Of its rows, the sum; says each. */
export function resultOf(rows: readonly Tried[], print: FaultOptions["print"]): FaultResult {
  for (const row of rows) print(rowText(row));
  return {
    tried: rows.reduce((sum, { tried }) => sum + tried, 0),
    lost: rows.reduce((sum, { lost }) => sum + lost, 0),
    rows,
  };
}

const rowText = ({ what, faults, tried, of, lost, seen }: Tried) =>
  `${what}: ${faults} faults, ${tried} ${of}, ${lost} lost${seen ? `; ${seen}` : ""}`;
